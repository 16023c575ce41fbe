import type { Clock } from '../../kernel/clock.ts';

// Much less than a server waits for an ack; at some thousands of messages a second a write carries a dozen.
const gatherMs = 2;

/**
 * The acks of a bus. One after a pause leaves at once; those that follow it closely leave together: a write of
 * its own for each costs this process and nats-server more than all else about an ack. One that is lost with
 * the process is like any lost ack: its message comes again.
 */
export interface Acks {
  /** `ack` is run now or soon. */
  send(ack: () => void): void;
  /** Sends what waits: before somebody looks at what the server knows, or the connection ends. */
  flush(): void;
}

export function createAcks(clock: Pick<Clock, 'after'>): Acks {
  let waiting: (() => void)[] = [];
  let gathering = false;
  const flush = (): void => {
    const due = waiting;
    waiting = [];
    for (const ack of due) ack();
  };
  const gather = (): void => {
    gathering = true;
    clock.after(gatherMs, () => {
      gathering = waiting.length > 0;
      if (!gathering) return;
      flush();
      gather();
    });
  };
  return {
    send(ack) {
      if (gathering) {
        waiting.push(ack);
        return;
      }
      ack();
      gather();
    },
    flush,
  };
}
