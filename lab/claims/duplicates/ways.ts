import { z } from '#mesh';

/** How a consumer meets a message that it has had before. */
export const ways = ['nothing', 'a key', 'inbox'] as const;
export type Way = (typeof ways)[number];

/** The durable name of each way's consumer. */
export const consumers: Readonly<Record<Way, string>> = {
  nothing: 'bare',
  'a key': 'keyed',
  inbox: 'inbox',
};

/** What the handlers leave: of each way a row for every effect. */
export interface HearerTables {
  /** No key: whatever happens twice stands here twice. */
  effects: { order_id: string; way: Way };
  /** The order is the key. */
  keyed_effects: { order_id: string };
  /** A sum, as the money of an account: an effect that no key makes harmless. */
  sums: { way: Way; orders: number };
}

export const hearerMigrations = [
  {
    name: '001-effects',
    up: `
      create table effects (order_id text not null, way text not null);
      create table keyed_effects (order_id text primary key);
      create table sums (way text primary key, orders integer not null);
      insert into sums values ('nothing', 0), ('a key', 0), ('inbox', 0);
    `,
  },
];

export const hearerOptions = z.object({
  store: z.string(),
  nats: z.string(),
  /** The chance of an effect to be the last one: the process dies after its commit and before its ack. */
  fatal: z.number(),
});
export type HearerOptions = z.infer<typeof hearerOptions>;
