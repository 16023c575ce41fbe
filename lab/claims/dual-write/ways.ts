import { z } from '#mesh';

/** How an order gets into the database and its event onto the bus. */
export const ways = ['row, then publish', 'publish, then row', 'outbox'] as const;
export type Way = (typeof ways)[number];

/** What the writer keeps. */
export interface WriterTables {
  written: { order_id: string; way: Way };
}

export const writerMigrations = [
  { name: '001-written', up: 'create table written (order_id text primary key, way text)' },
];

export const writerOptions = z.object({
  /** Of its database. */
  store: z.string(),
  nats: z.string(),
  /** Begins the ids of this life's orders. */
  life: z.string(),
});
export type WriterOptions = z.infer<typeof writerOptions>;

/** How long a relay that was killed keeps others from its work, in ms: lives are short here. */
export const leaseMs = 100;

/** The id of an order: by it the reader of the channel knows the way. `life` as "w1-7". */
export function orderIdOf(life: string, way: Way, n: string): string {
  return `${life}-${String(ways.indexOf(way))}-${n}`;
}

export function wayOf(orderId: string): Way | undefined {
  return ways[Number(orderId.split('-')[2])];
}
