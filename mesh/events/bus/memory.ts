import type { Clock } from '../../kernel/clock.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import { checkToken } from '../../kernel/names.ts';
import {
  type Bus,
  type Channel,
  type ConsumeOptions,
  type Consumption,
  type Delivery,
  defaultAckWaitMs,
  defaultReadAhead,
  duplicateWindowMs,
  type Outgoing,
  type PublishOutcome,
  type Reading,
  type ReadOptions,
} from './bus.ts';
import { matches } from './subject.ts';

interface Stored extends Outgoing {
  readonly sequence: number;
}

interface MemoryChannel {
  /** Of each subject the sequence of its newest message, where no other counts. */
  latest?: Map<string, number>;
  readonly messages: Stored[];
  /** Ids and when they were stored, monotonic ms. */
  readonly ids: Map<string, { readonly sequence: number; readonly atMs: number }>;
  readonly consumers: Map<string, MemoryConsumer>;
  /** What readers do when there may be more. */
  readonly readers: Set<() => void>;
}

/** A durable consumer: where it stands, what is out, and who takes part. */
interface MemoryConsumer {
  subjects: readonly string[];
  /** Index into the channel's messages. */
  next: number;
  readonly again: Stored[];
  readonly deliveries: Map<number, number>;
  readonly members: Set<Member>;
  /** Counts the beginnings of an ordered consumer: what was delivered before the last one does not come back by itself. */
  beginnings: number;
}

interface Member {
  readonly options: ConsumeOptions;
  inFlight: number;
}

/**
 * A bus inside one process, for tests and for trying things out: the same contract, nothing on disk, no
 * network. Every delivery is made in a later turn of the event loop, as on a real bus.
 */
export function createMemoryBus({ clock }: { clock: Clock }): Bus {
  const channels = new Map<string, MemoryChannel>();
  const opened = new Set<Closeable>();
  const channelNamed = ({ name, keep }: Channel): MemoryChannel => {
    const known = channels.get(checkToken(name, 'a channel'));
    if (known !== undefined) return known;
    const channel: MemoryChannel = {
      messages: [],
      ids: new Map(),
      consumers: new Map(),
      readers: new Set(),
    };
    if (keep === 'latest') channel.latest = new Map();
    channels.set(name, channel);
    return channel;
  };
  return {
    async ensureChannel(channel) {
      channelNamed(channel);
    },
    async publish(messages) {
      const outcomes = messages.map((message) =>
        store(channelNamed({ name: message.channel }), message, clock),
      );
      for (const channel of channels.values()) {
        pumpAll(channel, clock);
        for (const look of channel.readers) queueMicrotask(look);
      }
      return outcomes;
    },
    async inspect(name) {
      const channel = channels.get(name);
      if (channel === undefined) return undefined;
      return { identity: name, firstSequence: 1, lastSequence: channel.messages.length };
    },
    async idAt(name, sequence) {
      return channels.get(name)?.messages[sequence - 1]?.id;
    },
    epoch: () => 1,
    consume(options) {
      const channel = channelNamed(options.channel);
      const consumption = join(channel, options, clock);
      opened.add(consumption);
      return consumption;
    },
    read(options) {
      const reading = read(channelNamed(options.channel), options);
      opened.add(reading);
      return reading;
    },
    async close() {
      await Promise.all([...opened].map((each) => each.close()));
    },
  };
}

function store(channel: MemoryChannel, message: Outgoing, clock: Clock): PublishOutcome {
  const nowMs = clock.monotonic();
  const known = channel.ids.get(message.id);
  if (known !== undefined && nowMs - known.atMs < duplicateWindowMs) {
    return { stored: true, sequence: known.sequence, duplicate: true };
  }
  const sequence = channel.messages.length + 1;
  channel.messages.push({ ...message, sequence });
  channel.ids.set(message.id, { sequence, atMs: nowMs });
  channel.latest?.set(message.subject, sequence);
  return { stored: true, sequence, duplicate: false };
}

function join(channel: MemoryChannel, options: ConsumeOptions, clock: Clock): Consumption {
  const name = checkToken(options.consumer, 'a consumer');
  const consumer = channel.consumers.get(name) ?? {
    subjects: [],
    next: options.from === 'now' ? channel.messages.length : 0,
    again: [],
    deliveries: new Map<number, number>(),
    members: new Set<Member>(),
    beginnings: 0,
  };
  consumer.subjects = options.subjects;
  if (options.ordered === true) {
    consumer.next = Math.min(consumer.next, ...[...consumer.deliveries.keys()].map((it) => it - 1));
    consumer.again.splice(0);
    consumer.beginnings++;
    // Whoever it was before has lost it.
    consumer.members.clear();
    options.onBegin?.();
  }
  channel.consumers.set(name, consumer);
  const member: Member = { options, inFlight: 0 };
  consumer.members.add(member);
  pump(channel, consumer, clock);
  return {
    get state() {
      return consumer.members.has(member) ? 'consuming' : 'closed';
    },
    async close() {
      consumer.members.delete(member);
    },
  };
}

/** Gives out in microtasks, one after another, what there is room for. */
function read(channel: MemoryChannel, options: ReadOptions): Reading {
  const { from = 1, subjects, maxInFlight = defaultReadAhead } = options;
  const end = channel.messages.length;
  let next = from === 'now' ? end : Math.min(Math.max(0, from - 1), end);
  let room = maxInFlight;
  let caughtUp = false;
  const look = (): void => {
    if (!channel.readers.has(look)) return;
    while (room > 0 && next < channel.messages.length) {
      const message = channel.messages[next++];
      if (message === undefined || !wants({ subjects }, message) || !isKept(channel, message))
        continue;
      room--;
      const { subject, headers, data, sequence } = message;
      const header = (name: string): string | undefined => headers[name];
      options.onMessage({ subject, headers, data, sequence, header });
    }
    if (caughtUp || next < channel.messages.length) return;
    caughtUp = true;
    options.onCaughtUp?.();
  };
  const soon = (): void => {
    queueMicrotask(look);
  };
  channel.readers.add(look);
  soon();
  return {
    get state() {
      return channel.readers.has(look) ? 'reading' : 'closed';
    },
    done(messages) {
      room += messages;
      soon();
    },
    async close() {
      channel.readers.delete(look);
    },
  };
}

function pumpAll(channel: MemoryChannel, clock: Clock): void {
  for (const consumer of channel.consumers.values()) pump(channel, consumer, clock);
}

/** Delivers what there is to members who have room, in turns. */
function pump(channel: MemoryChannel, consumer: MemoryConsumer, clock: Clock): void {
  for (;;) {
    const member = [...consumer.members].find((it) => it.inFlight < it.options.maxInFlight);
    if (member === undefined) return;
    const message = takeNext(channel, consumer);
    if (message === undefined) return;
    // The last in the set is asked last: members take turns.
    consumer.members.delete(member);
    consumer.members.add(member);
    deliver({ channel, consumer, member, message, clock });
  }
}

function takeNext(channel: MemoryChannel, consumer: MemoryConsumer): Stored | undefined {
  for (let again = consumer.again.shift(); again; again = consumer.again.shift()) {
    if (isKept(channel, again)) return again;
  }
  while (consumer.next < channel.messages.length) {
    const message = channel.messages[consumer.next++];
    if (message && wants(consumer, message) && isKept(channel, message)) return message;
  }
  return undefined;
}

function isKept({ latest }: MemoryChannel, { subject, sequence }: Stored): boolean {
  return latest === undefined || latest.get(subject) === sequence;
}

function wants({ subjects }: Pick<MemoryConsumer, 'subjects'>, { subject }: Stored): boolean {
  return subjects.some((filter) => matches(filter, subject));
}

interface Handing {
  readonly channel: MemoryChannel;
  readonly consumer: MemoryConsumer;
  readonly member: Member;
  readonly message: Stored;
  readonly clock: Clock;
}

function deliver({ channel, consumer, member, message, clock }: Handing): void {
  const { ackWaitMs = defaultAckWaitMs } = member.options;
  const deliveries = 1 + (consumer.deliveries.get(message.sequence) ?? 0);
  consumer.deliveries.set(message.sequence, deliveries);
  member.inFlight++;
  const { beginnings } = consumer;
  let settled = false;
  const comeBack = (): void => {
    if (consumer.beginnings !== beginnings) return;
    consumer.again.push(message);
    pump(channel, consumer, clock);
  };
  const settle = (then: () => void): void => {
    if (settled) return;
    settled = true;
    cancel();
    member.inFlight--;
    then();
    pump(channel, consumer, clock);
  };
  // Lost: it comes again. The member keeps its slot until it settles, as on a real bus.
  let cancel = clock.after(ackWaitMs, comeBack);
  const delivery: Delivery = {
    ...{ subject: message.subject, headers: message.headers, data: message.data },
    ...{ sequence: message.sequence, deliveries },
    ack() {
      settle(() => consumer.deliveries.delete(message.sequence));
    },
    nak(delayMs = 0) {
      settle(() => clock.after(delayMs, comeBack));
    },
    working() {
      if (settled) return;
      cancel();
      cancel = clock.after(ackWaitMs, comeBack);
    },
  };
  queueMicrotask(() => {
    if (consumer.members.has(member)) member.options.onDelivery(delivery);
    else delivery.nak();
  });
}
