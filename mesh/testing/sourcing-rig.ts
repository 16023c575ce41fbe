import { z } from 'zod';
import { Money } from '../../gen/shop/money/v1/money.ts';
import { OrderConfirmed } from '../../gen/shop/orders/v1/events.ts';
import { eventMigrations } from '../events/migrations.ts';
import { jsonData } from '../schema/data-codec.ts';
import { type Aggregate, applies, defineAggregate } from '../sourcing/aggregate.ts';
import { happened, type NewEvent } from '../sourcing/event.ts';
import { sourcingMigrations } from '../sourcing/migrations.ts';
import { confirmed } from './events-rig.ts';

/** The read models of the tests of event sourcing. */
export interface SourcingRigTables {
  totals: { currency: string; minor: number };
  seen: { position: number; stream: string };
}

export const sourcingRigMigrations = [
  ...eventMigrations,
  ...sourcingMigrations,
  {
    name: '001-read-models',
    up: `create table totals (currency text primary key, minor bigint not null);
         create table seen (position bigint not null, stream text not null)`,
  },
];

/** An account that knows its orders. */
export interface Account {
  readonly balance: number;
  readonly orders: readonly string[];
}

const accountShape = z.object({ balance: z.number(), orders: z.array(z.string()) });
export const folding = [
  applies(Money, (state: Account, { minorUnits }) => ({
    ...state,
    balance: state.balance + Number(minorUnits),
  })),
  applies(OrderConfirmed, (state: Account, { orderId }) => ({
    ...state,
    orders: [...state.orders, orderId],
  })),
];

/** `every`: with a snapshot after that many events, of a state of version `schema`. */
export const account = (every?: number, schema = 1): Aggregate<Account> =>
  defineAggregate<Account>({
    name: 'account',
    initial: { balance: 0, orders: [] },
    events: folding,
    ...(every !== undefined && { snapshot: { every, schema, data: jsonData(accountShape) } }),
  });

export const money = (minor: number): NewEvent =>
  happened(Money, { minorUnits: BigInt(minor), currencyCode: 'EUR' });
export const ordered = (id: string): NewEvent => happened(OrderConfirmed, confirmed(id));
