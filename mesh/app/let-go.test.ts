import { expect, test } from '@jest/globals';
import { letGoOfLoading } from './let-go.ts';

test('what loading left behind is collected, and the collector stays out of reach', () => {
  const seen = new WeakRef({ of: 'loading' });
  return new Promise<void>((resolve) => {
    // In a later turn: until then a WeakRef holds what it was made for.
    setImmediate(() => {
      letGoOfLoading();
      expect(seen.deref()).toBeUndefined();
      expect(globalThis.gc).toBeUndefined();
      resolve();
    });
  });
});
