import type { Random } from '../../mesh/kernel/random.ts';
import type { VirtualTime } from './virtual-time.ts';

type Timer = () => void;

/**
 * Puts the simulation's time and chance in place of the machine's, for code that takes neither as a port:
 * cockatiel reads Date.now, setTimeout and Math.random, and weft itself waits for turns of the event loop.
 * The function returned puts everything back.
 */
export function replaceGlobals({ at, clock }: VirtualTime, random: Random): () => void {
  const timers = new Map<object, Timer>();

  function later(ms: number, task: () => void): object {
    const timer = {
      ref: () => timer,
      unref: () => timer,
      hasRef: () => true,
      [Symbol.toPrimitive]: () => 0,
    };
    const stop = at(clock.monotonic() + ms, () => {
      timers.delete(timer);
      task();
    });
    timers.set(timer, stop);
    return timer;
  }

  function forget(timer: object | undefined): void {
    if (timer === undefined) return;
    timers.get(timer)?.();
    timers.delete(timer);
  }

  const restores = [
    replace(Date, 'now', () => clock.now()),
    replace(Math, 'random', () => random.next()),
    replace(performance, 'now', () => clock.monotonic()),
    replace(globalThis, 'setTimeout', (task: () => void, ms = 0) => later(ms, task)),
    replace(globalThis, 'clearTimeout', forget),
    replace(globalThis, 'setImmediate', (task: () => void) => later(0, task)),
    replace(globalThis, 'clearImmediate', forget),
  ];
  return () => {
    for (const restore of restores) restore();
  };
}

function replace(owner: object, name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(owner, name);
  Object.defineProperty(owner, name, { value, configurable: true, writable: true });
  return () => {
    if (before === undefined) Reflect.deleteProperty(owner, name);
    else Object.defineProperty(owner, name, before);
  };
}
