/**
 * The external resource that C depends on, as a database or another company's API would be: a few
 * connections, each busy for as long as an answer takes. When answers do not come, connections run out, and
 * whoever asks waits in line for one. That line is where the trouble of a slow resource shows.
 */
import { type Clock, MeshError } from '#mesh';

export type Behavior =
  /** Answers after the resource's usual time. */
  | { readonly name: 'well' }
  /** Takes `delayMs` for each answer. */
  | { readonly name: 'slow'; readonly delayMs: number }
  /** Does not answer before it behaves otherwise. */
  | { readonly name: 'hang' }
  /** Whoever asks next ends with it. */
  | { readonly name: 'crash' };

export interface ExternalOptions {
  readonly clock: Clock;
  /** How many answers are made at a time. */
  readonly connections: number;
  /** How long an answer takes when all is well, in ms. */
  readonly usualMs: number;
  readonly behavior: Behavior;
  /** What a crash is: a process ends. */
  readonly crash: () => void;
}

export interface External {
  /** One answer; throws the signal's reason once nobody waits for it any more, and then holds nothing. */
  ask(signal: AbortSignal): Promise<void>;
  behave(behavior: Behavior): void;
}

export function createExternal(options: ExternalOptions): External {
  const { clock, usualMs, crash } = options;
  let { behavior } = options;
  let free = options.connections;
  const line: (() => void)[] = [];
  /** Rung when the behaviour changes: what hangs looks again. */
  let changed = Promise.withResolvers<void>();

  /** Waits for `wake`, or until nobody waits for the answer. */
  async function unlessGivenUp(signal: AbortSignal, wake: Promise<void>): Promise<void> {
    const gone = Promise.withResolvers<never>();
    const leave = (): void => {
      const { reason } = signal as { reason: unknown };
      gone.reject(MeshError.from(reason));
    };
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    try {
      await Promise.race([wake, gone.promise]);
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  async function takeConnection(signal: AbortSignal): Promise<void> {
    if (free > 0) {
      free--;
      return;
    }
    const turn = Promise.withResolvers<void>();
    line.push(turn.resolve);
    try {
      await unlessGivenUp(signal, turn.promise);
    } catch (thrown) {
      const place = line.indexOf(turn.resolve);
      if (place === -1) giveBack();
      else line.splice(place, 1);
      throw thrown;
    }
  }

  function giveBack(): void {
    const next = line.shift();
    if (next === undefined) free++;
    else next();
  }

  return {
    async ask(signal) {
      if (behavior.name === 'crash') crash();
      await takeConnection(signal);
      try {
        while (behavior.name === 'hang') await unlessGivenUp(signal, changed.promise);
        await clock.sleep(behavior.name === 'slow' ? behavior.delayMs : usualMs, signal);
      } finally {
        giveBack();
      }
    },
    behave(next) {
      behavior = next;
      const waiting = changed;
      changed = Promise.withResolvers();
      waiting.resolve();
    },
  };
}
