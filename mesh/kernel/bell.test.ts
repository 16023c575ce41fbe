import { expect, test } from '@jest/globals';
import { createFakeClock } from '../testing/fake-clock.ts';
import { type BellWait, createBell } from './bell.ts';

const { signal } = new AbortController();

function stage() {
  const clock = createFakeClock();
  const bell = createBell(clock);
  const woken: string[] = [];
  return {
    ...{ clock, bell, woken },
    wait(name: string, wait: Partial<BellWait> = {}): void {
      void bell.heard({ withinMs: 100, signal, ...wait }).then(() => woken.push(name));
    },
  };
}

const settled = (): Promise<void> => Promise.resolve();

test('a ring wakes all who wait for its key, and nobody else', async () => {
  const { bell, wait, woken, clock } = stage();
  wait('one', { key: 'a' });
  wait('two', { key: 'a' });
  wait('three', { key: 'b' });
  wait('four');
  bell.ring('a');
  await settled();
  expect(woken).toEqual(['one', 'two']);
  bell.ring();
  await settled();
  expect(woken).toEqual(['one', 'two', 'four']);
  expect(clock.pending).toBe(1);
});

test('who hears nothing looks after a while', async () => {
  const { wait, woken, clock } = stage();
  wait('one');
  clock.advance(99);
  await settled();
  expect(woken).toEqual([]);
  clock.advance(1);
  await settled();
  expect(woken).toEqual(['one']);
});

test('who gives up waits no longer, and leaves nothing behind', async () => {
  const { wait, woken, clock } = stage();
  const giveUp = new AbortController();
  wait('one', { signal: giveUp.signal });
  giveUp.abort();
  wait('two', { signal: giveUp.signal });
  await settled();
  expect(woken).toEqual(['one', 'two']);
  expect(clock.pending).toBe(0);
});

test('a ring that nobody waits for is forgotten', async () => {
  const { bell, wait, woken } = stage();
  bell.ring('a');
  wait('one', { key: 'a' });
  await settled();
  expect(woken).toEqual([]);
});
