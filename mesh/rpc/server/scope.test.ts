import { describe, expect, test } from '@jest/globals';
import { MeshError } from '../../kernel/error.ts';
import { createScope } from '../../kernel/scope.ts';
import { interruptible } from './interruptible.ts';

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

describe('an interruptible source', () => {
  async function readAll(source: AsyncIterable<unknown>): Promise<unknown[]> {
    const items: unknown[] = [];
    for await (const item of source) items.push(item);
    return items;
  }

  async function* counting(story: string[]): AsyncGenerator<number> {
    try {
      yield 1;
      yield 2;
    } finally {
      story.push('finally');
    }
  }

  test('is read to its end, once', async () => {
    const story: string[] = [];
    expect(await readAll(interruptible(counting(story), createScope()))).toEqual([1, 2]);
    expect(story).toEqual(['finally']);
  });

  test('gives the reason at once when it waits, and is returned to', async () => {
    const scope = createScope();
    let returned = 0;
    const source: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: () => never,
        return: () => {
          returned++;
          return Promise.resolve({ done: true as const, value: undefined });
        },
      }),
    };
    const reading = readAll(interruptible(source, scope));
    scope.abort(gone);
    await expect(reading).rejects.toBe(gone);
    expect(returned).toBe(1);
  });

  test('that cannot take its return is not waited for', async () => {
    const scope = createScope();
    async function* stuck(): AsyncGenerator<number> {
      yield await never;
    }
    const reading = readAll(interruptible(stuck(), scope));
    scope.abort(gone);
    await expect(reading).rejects.toBe(gone);
  });

  test('runs its cleanup to the end when the reader stops', async () => {
    const story: string[] = [];
    for await (const item of interruptible(counting(story), createScope())) {
      expect(item).toBe(1);
      break;
    }
    expect(story).toEqual(['finally']);
  });

  test('enters the context anew for each step', async () => {
    const story: string[] = [];
    let steps = 0;
    const enter = <R>(step: () => R): R => {
      steps++;
      return step();
    };
    await readAll(interruptible(counting(story), createScope(), enter));
    // One for the iterator, one for each item, one for the end.
    expect(steps).toBe(4);
  });
});
