import { expect, test } from '@jest/globals';
import { afterRegistered } from './audience.ts';

test('who has registered is in, and who has left stays out', () => {
  expect(afterRegistered(undefined)).toBe('in');
  expect(afterRegistered('in')).toBe('in');
  expect(afterRegistered('left')).toBe('left');
});
