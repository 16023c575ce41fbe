import { describe, expect, test } from '@jest/globals';
import { MeshError } from '../../kernel/error.ts';
import { createScope } from '../../kernel/scope.ts';

const gone = new MeshError('gone', { status: 'CANCELLED', reason: 'CALLER_GONE' });
const never = new Promise<never>(() => undefined);

describe('the scope of a call', () => {
  test('tells listeners and signal its first reason, whoever comes late included', () => {
    const scope = createScope();
    const early = scope.signal;
    const told: (string | undefined)[] = [];
    scope.onAbort(({ reason }) => told.push(reason));
    scope.onAbort(() => told.push('taken back'))();
    scope.abort(gone);
    scope.abort(new MeshError('again', { status: 'UNAVAILABLE' }));
    scope.onAbort(({ reason }) => told.push(reason));
    expect(told).toEqual(['CALLER_GONE', 'CALLER_GONE']);
    expect(early.reason).toBe(gone);
    expect(scope.reason).toBe(gone);
  });

  test('makes a signal that is aborted already, if it is asked for late', () => {
    const scope = createScope();
    scope.abort(gone);
    expect(scope.signal.aborted).toBe(true);
    expect(scope.signal.reason).toBe(gone);
  });

  test('cannot be aborted once it is finished', () => {
    const scope = createScope();
    scope.finish();
    scope.abort(gone);
    expect(scope.signal.aborted).toBe(false);
    expect(scope.reason).toBeUndefined();
  });

  test('races work against its end, and forgets what is done', async () => {
    const scope = createScope();
    expect(await scope.race(Promise.resolve('done'))).toBe('done');
    await expect(scope.race(Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    const waiting = scope.race(never);
    scope.abort(gone);
    await expect(waiting).rejects.toBe(gone);
    await expect(scope.race(never)).rejects.toBe(gone);
  });
});
