import { cpSync, existsSync, renameSync, rmSync } from 'node:fs';
import { connect } from 'nats';
import { type Random, systemClock } from '#mesh';
import type { ServiceName, Stage } from './stage.ts';

/** What is done to the shop while orders come in. */
export type Fault =
  /** kill -9 of an instance, which comes back after `downMs`. */
  | { readonly kind: 'kill'; readonly target: string; readonly downMs: number }
  /** kill -9 of nats-server. */
  | { readonly kind: 'nats-killed'; readonly downMs: number }
  /** What nats-server says is lost, then the connections break: events are stored, and their publisher never hears of it. */
  | { readonly kind: 'publish-acks-lost'; readonly forMs: number }
  /** What services say is lost, then the connections break: events are handled, and nats-server never hears of it. */
  | { readonly kind: 'consumer-acks-lost'; readonly forMs: number }
  /** An operator deletes the stream, with all its consumers. */
  | { readonly kind: 'stream-deleted' }
  /** nats-server comes back with its store as it was some seconds ago: a restored backup, or a power loss. */
  | { readonly kind: 'store-rolled-back'; readonly afterMs: number };

export type FaultKind = Fault['kind'];

/** The channel of the shop's orders. */
export const stream = 'shop-orders';

/** How often an instance of a service is hit, against the others: first of all who relays and who consumes. */
const weights: Readonly<Record<ServiceName, number>> = {
  orders: 4,
  warehouse: 2,
  notifications: 2,
  inventory: 1,
  payments: 1,
};

/** How many of each fault come in a run. */
export type Plan = Readonly<Record<FaultKind, number>>;

/** The faults of a run, in an order and with pauses before them that the seed decides. */
export function drawFaults(
  plan: Plan,
  { pauseMs, random }: { readonly pauseMs: number; readonly random: Random },
): readonly { readonly pauseMs: number; readonly fault: Fault }[] {
  const kinds = Object.entries(plan).flatMap(([kind, count]) =>
    Array.from({ length: count }, () => kind as FaultKind),
  );
  shuffle(kinds, random);
  return kinds.map((kind) => ({
    // Exponential: most faults follow hard upon the last, some leave time to recover.
    pauseMs: Math.round(-pauseMs * Math.log(1 - random.next())),
    fault: draw(kind, random),
  }));
}

function draw(kind: FaultKind, random: Random): Fault {
  const between = (from: number, to: number): number =>
    Math.round(from + (to - from) * random.next());
  switch (kind) {
    case 'kill':
      return { kind, target: drawTarget(random), downMs: between(0, 400) };
    case 'nats-killed':
      return { kind, downMs: between(0, 2000) };
    case 'publish-acks-lost':
    case 'consumer-acks-lost':
      return { kind, forMs: between(100, 1000) };
    case 'stream-deleted':
      return { kind };
    case 'store-rolled-back':
      return { kind, afterMs: between(500, 3000) };
  }
}

function drawTarget(random: Random): string {
  const names = Object.entries(weights).flatMap(([name, weight]) =>
    Array.from({ length: weight }, () => name),
  );
  return names[Math.floor(random.next() * names.length)] ?? '';
}

function shuffle(items: FaultKind[], random: Random): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1));
    const [a, b] = [items[i], items[j]];
    if (a !== undefined && b !== undefined) [items[i], items[j]] = [b, a];
  }
}

/** Does it, and resolves when it is over: what was taken away is there again, if not yet ready. */
export async function strike(stage: Stage, fault: Fault, random: Random): Promise<void> {
  const { cable, nats } = stage;
  switch (fault.kind) {
    case 'kill':
      return killOne(stage, fault, random);
    case 'nats-killed':
      await nats.kill();
      await systemClock.sleep(fault.downMs);
      return nats.restart();
    case 'publish-acks-lost':
    case 'consumer-acks-lost':
      cable.freeze(fault.kind === 'publish-acks-lost' ? 'to-client' : 'to-server');
      await systemClock.sleep(fault.forMs);
      await cable.cut();
      return cable.mend();
    case 'stream-deleted':
      return deleteStream(nats.url);
    case 'store-rolled-back':
      return rollBackStore(stage, fault.afterMs);
  }
}

/** One instance of the service, whichever; it starts again by itself, and nobody waits for it. */
async function killOne(
  { instances }: Stage,
  { target, downMs }: Extract<Fault, { kind: 'kill' }>,
  random: Random,
): Promise<void> {
  const those = instances.filter(({ service }) => service === target);
  const one = those[Math.floor(random.next() * those.length)];
  await one?.kill();
  systemClock.after(downMs, () => {
    one?.start();
  });
}

async function deleteStream(url: string): Promise<void> {
  const connection = await connect({ servers: url });
  try {
    const { streams } = await connection.jetstreamManager();
    // It may be gone still since the last time.
    const names = await streams.names().next();
    if (names.includes(stream)) await streams.delete(stream);
  } finally {
    await connection.close();
  }
}

/** Copies the store while the server stands still, lets it go on for a while, and brings the copy back. */
async function rollBackStore({ nats }: Stage, afterMs: number): Promise<void> {
  const copy = `${nats.data}-before`;
  await nats.kill();
  if (existsSync(nats.data)) cpSync(nats.data, copy, { recursive: true });
  await nats.restart();
  await systemClock.sleep(afterMs);
  await nats.kill();
  rmSync(nats.data, { recursive: true, force: true });
  renameSync(copy, nats.data);
  await nats.restart();
}
