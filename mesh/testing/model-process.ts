import type { Bus, Consumption, Delivery, Outgoing } from '../events/bus/bus.ts';
import { createEvents, type Events, type EventsOptions } from '../events/events.ts';
import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Random } from '../kernel/random.ts';
import { weftImage } from '../schema/image.ts';
import type { Transaction } from '../store/sql.ts';
import type { Store } from '../store/store.ts';

/** A process that can be killed at any await of what it does with database and broker. */
export interface ModelProcess<DB> {
  readonly events: Events<DB>;
  /** Kills it when it has passed `countdown` such moments. */
  doom(crash: Crash): void;
  /** Takes the sentence back; false when it is dead already. */
  spare(): boolean;
  /** Ends it in peace, if it lives. */
  close(): Promise<void>;
}

/**
 * Before something is asked of database or broker; when a transaction has done its work and not committed
 * (whatever statement it dies at, the database rolls back, so one moment stands for all); when it is done
 * and nobody has heard the answer.
 */
export interface Crash {
  readonly moment: 'before' | 'inside' | 'after';
  readonly countdown: number;
}

/** What befalls messages on their way; each list is used up in order, one entry each time. */
export interface Weather {
  /** The broker does not answer; what it is told is lost. */
  down: boolean;
  readonly publish: ('fine' | 'unsent' | 'ack lost' | 'half' | 'twice')[];
  readonly delivery: ('fine' | 'ack lost' | 'ack late' | 'twice')[];
}

export interface ModelProcessOptions<DB> {
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

const away = new MeshError('cut', { status: 'UNAVAILABLE' });
// What a dead process waits for.
const never = new Promise<never>(() => undefined);

/** Whether a process lives, and when it dies. */
interface Life {
  alive: boolean;
  crash: { moment: Crash['moment']; countdown: number } | undefined;
  readonly consumptions: Consumption[];
  readonly onDeath: () => void;
}

export function createModelProcess<DB>(options: ModelProcessOptions<DB>): ModelProcess<DB> {
  const life: Life = {
    ...{ alive: true, crash: undefined, consumptions: [] },
    onDeath: options.onDeath,
  };
  const clock = mortalClock(options.clock, life);
  const events = createEvents<DB>({
    ...{ image: weftImage(), source: 'orders', random: options.random, clock },
    ...(options.relay && { relay: options.relay }),
    store: mortalStore(options.store, life),
    bus: mortalBus(options.bus, life, { ...options, clock }),
  });
  return {
    events,
    doom(crash) {
      life.crash = { ...crash };
    },
    spare() {
      life.crash = undefined;
      return life.alive;
    },
    async close() {
      if (life.alive) await events.close();
    },
  };
}

/** Whether the process is dead at this moment, or dies at it. */
function isDead(life: Life, moment: Crash['moment']): boolean {
  const { alive, crash } = life;
  if (!alive) return true;
  if (crash?.moment !== moment || crash.countdown-- > 0) return false;
  life.alive = false;
  // The broker notices that the connection is gone; what was in hand comes again after a while.
  for (const consumption of life.consumptions) void consumption.close();
  life.onDeath();
  return true;
}

/** Something asked of the world, which a process may not live to ask, or to hear the answer of. */
async function ask<T>(life: Life, work: () => Promise<T>): Promise<T> {
  if (isDead(life, 'before')) return never;
  try {
    const answer = await work();
    return isDead(life, 'after') ? await never : answer;
  } catch (thrown) {
    if (life.alive) throw thrown;
    return never;
  }
}

function mortalClock(clock: Clock, life: Life): Clock {
  return {
    ...clock,
    after: (ms, task) =>
      clock.after(ms, () => {
        if (life.alive) task();
      }),
    sleep: async (ms, signal) => {
      await clock.sleep(ms, signal);
      if (!life.alive) await never;
    },
  };
}

function mortalStore<DB>(store: Store<DB>, life: Life): Store<DB> {
  const inside =
    <T>(work: (tx: Transaction<DB>) => Promise<T>) =>
    async (tx: Transaction<DB>): Promise<T> => {
      const result = await work(tx);
      // Rolled back, as the database does when its client is gone.
      if (isDead(life, 'inside')) throw away;
      return result;
    };
  return {
    ...store,
    transaction: (work, signal) => ask(life, () => store.transaction(inside(work), signal)),
    grouped: (work, signal) => ask(life, () => store.grouped(inside(work), signal)),
  };
}

function mortalBus<DB>(
  bus: Bus,
  life: Life,
  { weather, lostMs, clock }: ModelProcessOptions<DB>,
): Bus {
  const publish = async (messages: readonly Outgoing[]): ReturnType<Bus['publish']> => {
    const fault = weather.publish.shift();
    if (weather.down || fault === 'unsent') throw away;
    if (fault === 'twice') {
      // As if the broker's memory of ids had run out.
      await bus.publish(messages.map((message) => ({ ...message, id: `${message.id}'` })));
    }
    const half = Math.ceil(messages.length / 2);
    const outcomes = await bus.publish(fault === 'half' ? messages.slice(0, half) : messages);
    if (fault === 'ack lost') throw away;
    return messages.map((_, i) => outcomes[i] ?? { stored: false, error: away });
  };
  return {
    ...bus,
    ensureChannel: (channel) =>
      ask(life, async () => {
        if (weather.down) throw away;
        await bus.ensureChannel(channel);
      }),
    publish: (messages) => ask(life, () => publish(messages)),
    consume(options) {
      const consumption = bus.consume({
        ...options,
        onDelivery(delivery) {
          const fault = weather.delivery.shift();
          if (weather.down || !life.alive) {
            delivery.nak(lostMs);
            return;
          }
          const heard = hearing(delivery, { life, weather, fault, lostMs, clock });
          options.onDelivery(heard);
          if (fault === 'twice') options.onDelivery({ ...heard });
        },
      });
      life.consumptions.push(consumption);
      return consumption;
    },
  };
}

interface Hearing {
  readonly life: Life;
  readonly weather: Weather;
  readonly fault: Weather['delivery'][number] | undefined;
  readonly lostMs: number;
  readonly clock: Clock;
}

/** A delivery whose answers may be lost or late; the dead give none. */
function hearing(delivery: Delivery, { life, weather, fault, lostMs, clock }: Hearing): Delivery {
  const unlessCut = (tell: () => void): void => {
    if (weather.down || !life.alive) lose();
    else tell();
  };
  // What is lost on its way comes again when its time is over; here nobody waits for it meanwhile.
  const lose = (): void => delivery.nak(lostMs);
  return {
    ...delivery,
    ack() {
      const tell = (): void => unlessCut(() => delivery.ack());
      if (fault === 'ack lost') lose();
      else if (fault === 'ack late') clock.after(2 * lostMs, tell);
      else tell();
    },
    nak: (delayMs) => unlessCut(() => delivery.nak(delayMs)),
    working() {
      if (!weather.down && life.alive) delivery.working();
    },
  };
}
