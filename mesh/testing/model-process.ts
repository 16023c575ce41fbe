import type { Bus } from '../events/bus/bus.ts';
import { createEvents, type Events, type EventsOptions } from '../events/events.ts';
import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Random } from '../kernel/random.ts';
import type { Image } from '../schema/image.ts';
import type { Transaction } from '../store/sql.ts';
import type { Store } from '../store/store.ts';
import { mortalBus, type Weather } from './model-bus.ts';
import {
  ask,
  type Crash,
  isDead,
  type Life,
  mortally,
  sleepFor,
  wake,
  whenAwake,
} from './model-life.ts';

/** A process that can be killed at any await of what it does with database and broker. */
export interface ModelProcess<DB> {
  readonly events: Events<DB>;
  readonly isAlive: boolean;
  /** Kills it when it has passed `countdown` such moments. */
  doom(crash: Crash): void;
  /** Stops it (SIGSTOP) for a while of the world's time: it notices nothing, and goes on where it stood. */
  sleep(ms: number): void;
  /** Takes the sentence back, and wakes it. */
  spare(): void;
  /** Ends it in peace, if it lives; what it does then may be killed too. */
  close(): Promise<void>;
}

export interface ModelProcessOptions<DB> {
  readonly image: Image;
  readonly store: Store<DB>;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly weather: Weather;
  /** After which time the broker sends again what nobody settled, in ms; an ack that is late takes twice as long. */
  readonly lostMs: number;
  readonly relay: EventsOptions<DB>['relay'];
  readonly onDeath: () => void;
}

export function createModelProcess<DB>(options: ModelProcessOptions<DB>): ModelProcess<DB> {
  const life: Life = {
    ...{ alive: true, crash: undefined, asleep: false, missed: [], consumptions: [] },
    onDeath: options.onDeath,
  };
  const clock = mortalClock(options.clock, life);
  const events = createEvents<DB>({
    ...{ image: options.image, source: 'orders', random: options.random, clock },
    ...(options.relay && { relay: options.relay }),
    store: mortalStore(options.store, life),
    bus: mortalBus(options.bus, life, { ...options, clock }),
  });
  return {
    events,
    get isAlive() {
      return life.alive;
    },
    doom(crash) {
      life.crash = { ...crash };
    },
    sleep(ms) {
      sleepFor(life, ms, options.clock);
    },
    spare() {
      life.crash = undefined;
      wake(life);
    },
    async close() {
      if (life.alive) await events.close();
    },
  };
}

function mortalClock(clock: Clock, life: Life): Clock {
  return {
    ...clock,
    after(ms, task) {
      let isOff = false;
      const cancel = clock.after(ms, () => {
        whenAwake(life, () => {
          if (life.alive && !isOff) task();
        });
      });
      return () => {
        // It may be due already, and wait for the process to wake.
        isOff = true;
        cancel();
      };
    },
    sleep: (ms, signal) => mortally(life, () => clock.sleep(ms, signal)),
  };
}

function mortalStore<DB>(store: Store<DB>, life: Life): Store<DB> {
  const inside =
    <T>(work: (tx: Transaction<DB>) => Promise<T>) =>
    async (tx: Transaction<DB>): Promise<T> => {
      const result = await work(tx);
      // Rolled back, as the database does when its client is gone.
      if (isDead(life, 'inside')) throw new MeshError('cut', { status: 'UNAVAILABLE' });
      return result;
    };
  return {
    ...store,
    transaction: (work, signal) => ask(life, () => store.transaction(inside(work), signal)),
    grouped: (work, signal) => ask(life, () => store.grouped(inside(work), signal)),
  };
}
