import { describe, expect, test } from '@jest/globals';
import { MeshError } from '#mesh';
import { createFakeClock } from '../../../mesh/testing/fake-clock.ts';
import { type Behavior, createExternal } from './external.ts';

/** What became of a question: undefined while it waits. */
interface Asked {
  outcome: 'answered' | MeshError | undefined;
}

function stage(behavior: Behavior, connections = 2) {
  const clock = createFakeClock();
  let crashes = 0;
  const crash = (): void => {
    crashes++;
    throw new Error('gone');
  };
  const external = createExternal({ clock, behavior, connections, usualMs: 10, crash });
  return {
    external,
    crashes: () => crashes,
    ask(signal = new AbortController().signal): Asked {
      const asked: Asked = { outcome: undefined };
      external.ask(signal).then(
        () => (asked.outcome = 'answered'),
        (thrown: unknown) => (asked.outcome = MeshError.from(thrown)),
      );
      return asked;
    },
    async pass(ms: number) {
      // What one timer frees, the next one needs: each step lets the promises run.
      await settled();
      for (let i = 0; i < ms; i++) {
        clock.advance(1);
        await settled();
      }
    },
  };
}

async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

const outcomes = (all: readonly Asked[]): Asked['outcome'][] => all.map(({ outcome }) => outcome);

describe('the external resource', () => {
  test('answers as many at a time as it has connections, in the order of asking', async () => {
    const { ask, pass } = stage({ name: 'well' });
    const all = [ask(), ask(), ask()];
    await pass(10);
    expect(outcomes(all)).toEqual(['answered', 'answered', undefined]);
    await pass(10);
    expect(outcomes(all)).toEqual(['answered', 'answered', 'answered']);
  });

  test('that is slow takes its time', async () => {
    const { ask, pass } = stage({ name: 'slow', delayMs: 100 });
    const one = ask();
    await pass(99);
    expect(one.outcome).toBeUndefined();
    await pass(1);
    expect(one.outcome).toBe('answered');
  });

  test('that hangs answers all who still wait once it is well again', async () => {
    const { ask, pass, external } = stage({ name: 'hang' });
    const all = [ask(), ask(), ask()];
    await pass(500);
    expect(outcomes(all)).toEqual([undefined, undefined, undefined]);
    external.behave({ name: 'well' });
    await pass(20);
    expect(outcomes(all)).toEqual(['answered', 'answered', 'answered']);
  });

  test('forgets those who gave up, in line or at a connection, and serves the others', async () => {
    const { ask, pass, external } = stage({ name: 'hang' }, 1);
    const [first, second] = [new AbortController(), new AbortController()];
    const all = [ask(first.signal), ask(second.signal), ask()];
    await pass(1);
    const timeUp = new MeshError('time is up', { status: 'DEADLINE_EXCEEDED' });
    first.abort(timeUp);
    second.abort(timeUp);
    await pass(1);
    expect(outcomes(all)).toEqual([timeUp, timeUp, undefined]);
    external.behave({ name: 'well' });
    await pass(10);
    expect(all[2]?.outcome).toBe('answered');
  });

  test('that crashes does so at the next question', async () => {
    const { ask, external, crashes } = stage({ name: 'well' });
    external.behave({ name: 'crash' });
    expect(crashes()).toBe(0);
    ask();
    expect(crashes()).toBe(1);
  });
});
