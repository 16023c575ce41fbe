import type { Log } from '../kernel/log.ts';

/** Where the newest value of each target stands, and who is told when it changes. */
export interface Hub<T> {
  /** Puts up a value; the one that stands there already is not passed on. */
  show(target: string, value: T): void;
  /** Tells the listener the value that stands there, though not before this call returned, and each new one. */
  watch(target: string, listener: (value: T) => void): { close(): void };
  /** The targets that somebody watches. */
  readonly watched: Iterable<string>;
}

interface Listener<T> {
  readonly tell: (value: T) => void;
  /** False until `watch` has returned. */
  started: boolean;
  told?: { readonly value: T };
}

interface Target<T> {
  readonly listeners: Set<Listener<T>>;
  current?: { readonly value: T };
}

/** A hub with nothing in it. `onUnwatched` is called when the last listener of a target has left. */
export function createHub<T>(
  log: Log,
  onUnwatched: (target: string) => void = () => undefined,
): Hub<T> {
  const targets = new Map<string, Target<T>>();

  const of = (name: string): Target<T> => {
    const known = targets.get(name) ?? { listeners: new Set<Listener<T>>() };
    targets.set(name, known);
    return known;
  };

  const tell = (name: string, listener: Listener<T>): void => {
    const target = targets.get(name);
    if (target?.current === undefined || !target.listeners.has(listener)) return;
    if (!listener.started || listener.told === target.current) return;
    listener.told = target.current;
    try {
      listener.tell(target.current.value);
    } catch (thrown) {
      log.error('a listener of live configuration threw', { target: name, err: thrown });
    }
  };

  return {
    show(name, value) {
      const target = of(name);
      if (target.current !== undefined && target.current.value === value) return;
      target.current = { value };
      for (const listener of [...target.listeners]) tell(name, listener);
    },
    watch(name, tellValue) {
      const target = of(name);
      const listener: Listener<T> = { tell: tellValue, started: false };
      target.listeners.add(listener);
      queueMicrotask(() => {
        listener.started = true;
        tell(name, listener);
      });
      return {
        close() {
          if (!target.listeners.delete(listener) || target.listeners.size > 0) return;
          targets.delete(name);
          onUnwatched(name);
        },
      };
    },
    get watched() {
      return targets.keys();
    },
  };
}
