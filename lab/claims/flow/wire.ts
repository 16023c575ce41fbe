/** What the processes of the four flows are, and what they are started with. */
import { z } from '#mesh';

/** How an order finds its way through the desks. */
export const flows = ['synchronous', 'asynchronous', 'hybrid', 'orchestrated'] as const;
export type Flow = (typeof flows)[number];

/** The flows in which desks hear of events; in the others they are called, and there is no broker. */
const told = ['asynchronous', 'hybrid'] as const;
export type ToldFlow = (typeof told)[number];

export function isTold(flow: Flow): flow is ToldFlow {
  return (told as readonly Flow[]).includes(flow);
}

/** In the order in which an order meets them. */
export const desks = ['inventory', 'payments', 'warehouse', 'notifications'] as const;
export type DeskName = (typeof desks)[number];

export type Role = DeskName | 'orders';

export const memberOptions = z.object({
  flow: z.enum(flows),
  role: z.enum([...desks, 'orders']),
  consul: z.string(),
  /** Empty where nobody speaks events. */
  nats: z.string(),
  store: z.string(),
  /** The same after a restart. */
  port: z.number(),
});
export type MemberOptions = z.infer<typeof memberOptions>;

/** To a desk: how long its part of an order takes from now on, in ms. */
export const pace = z.object({ partMs: z.number() });
export type Pace = z.infer<typeof pace>;

/** How long a part takes where nothing is wrong, in ms. */
export const usualMs = 5;
/** Silence of a consumer after which its events come again, in ms: of a killed one, here. */
export const ackWaitMs = 2000;

/** What stands in a desk's book of an order. */
export interface PartRow {
  order_id: string;
  /** refused: it said no. void: taken back before it came. undone: taken back. */
  state: 'done' | 'refused' | 'void' | 'undone';
  /** Wall ms. */
  at: number;
}

export interface DeskTables {
  parts: PartRow;
}

export const deskMigrations = [
  {
    name: '001-parts',
    up: 'create table parts (order_id text primary key, state text not null, at bigint not null)',
  },
];

/** What stands in the book of orders. */
export interface OrderRow {
  order_id: string;
  refused_by: string;
  status: 'pending' | 'confirmed' | 'declined' | 'failed';
  placed_at: number;
}

export interface OrdersTables {
  orders: OrderRow;
}

export const ordersMigrations = [
  {
    name: '001-orders',
    up: `create table orders (
      order_id text primary key,
      refused_by text not null,
      status text not null,
      placed_at bigint not null
    )`,
  },
];
