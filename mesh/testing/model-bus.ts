import type { Bus, ConsumeOptions, Consumption, Delivery, Outgoing } from '../events/bus/bus.ts';
import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { ask, type Life, whenAwake } from './model-life.ts';

/** What befalls messages on their way; each list is used up in order, one entry each time. */
export interface Weather {
  /** The broker does not answer; what it is told is lost. */
  down: boolean;
  readonly publish: ('fine' | 'unsent' | 'ack lost' | 'half' | 'twice')[];
  readonly delivery: ('fine' | 'ack lost' | 'ack late' | 'twice')[];
}

/** The way from a process to its broker. */
export interface Way {
  readonly weather: Weather;
  /** After which time the broker sends again what nobody settled, in ms; an ack that is late takes twice as long. */
  readonly lostMs: number;
  /** Of the process. */
  readonly clock: Clock;
}

const away = new MeshError('cut', { status: 'UNAVAILABLE' });
// After this the client of NATS has noticed that a connection or a consumer is gone (jetstream/pull-loop.ts).
const healMs = 250;

/** The broker as a process sees it that may die, or sleep, and whose messages may be lost. */
export function mortalBus(bus: Bus, life: Life, way: Way): Bus {
  return {
    ...bus,
    ensureChannel: (channel) =>
      ask(life, async () => {
        if (way.weather.down) throw away;
        await bus.ensureChannel(channel);
      }),
    publish: (messages) => ask(life, () => publish(bus, messages, way.weather)),
    consume(options) {
      const consumption = options.ordered
        ? orderedConsumption(bus, options, { life, ...way })
        : sharedConsumption(bus, options, { life, ...way });
      life.consumptions.push(consumption);
      // It may have died between the answer that led here and this.
      if (!life.alive) void consumption.close();
      return consumption;
    },
  };
}

async function publish(
  bus: Bus,
  messages: readonly Outgoing[],
  weather: Weather,
): ReturnType<Bus['publish']> {
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
}

interface Hearing extends Way {
  readonly life: Life;
}

function sharedConsumption(bus: Bus, options: ConsumeOptions, hearing: Hearing): Consumption {
  const { life, weather, lostMs } = hearing;
  return bus.consume({
    ...options,
    onDelivery(delivery) {
      whenAwake(life, () => {
        if (weather.down || !life.alive) delivery.nak(lostMs);
        else bring(delivery, options, hearing);
      });
    },
  });
}

/**
 * As the consumption of JetStream does it: deliveries end with the connection, and with another process that
 * takes the consumer over; then they begin anew, until somebody closes it.
 */
function orderedConsumption(bus: Bus, options: ConsumeOptions, hearing: Hearing): Consumption {
  const { life, weather, clock } = hearing;
  let session: Consumption | undefined;
  let cancel = (): void => undefined;
  let closed = false;
  const end = (): void => {
    void session?.close();
    session = undefined;
  };
  const begin = (): void => {
    const mine = bus.consume({
      ...options,
      onDelivery(delivery) {
        whenAwake(life, () => {
          if (session !== mine || !life.alive) delivery.nak();
          else if (weather.down) end();
          else bring(delivery, options, hearing);
        });
      },
    });
    session = mine;
  };
  const look = (): void => {
    if (weather.down) end();
    else if (session?.state !== 'consuming') begin();
    cancel = clock.after(healMs, look);
  };
  look();
  return {
    get state() {
      if (closed) return 'closed';
      return session === undefined ? 'waiting' : 'consuming';
    },
    async close() {
      closed = true;
      cancel();
      end();
    },
  };
}

function bring(delivery: Delivery, { onDelivery }: ConsumeOptions, hearing: Hearing): void {
  const fault = hearing.weather.delivery.shift();
  const heard = hardOfHearing(delivery, fault, hearing);
  onDelivery(heard);
  if (fault === 'twice') onDelivery({ ...heard });
}

/** A delivery whose answers may be lost or late; the dead give none. */
function hardOfHearing(
  delivery: Delivery,
  fault: Weather['delivery'][number] | undefined,
  { life, weather, lostMs, clock }: Hearing,
): Delivery {
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
