/**
 * What has happened to a machine, what that makes of it, and what may happen next: plain functions, no I/O.
 *
 *     idle -> selected -> paid -> idle
 *
 * Each decision is told which sale is meant, and gives nothing for what has happened already: calls and events
 * may come twice and late.
 */
import { DrinkDispensed, ItemSelected, PaymentCompleted } from '#gen/vending/machine/v1/events.ts';
import { applies, defineAggregate, happened, jsonData, type NewEvent, refusal, z } from '#mesh';

const shape = z.object({
  status: z.enum(['idle', 'selected', 'paid']),
  saleId: z.string(),
  itemId: z.string(),
  cents: z.number(),
  paid: z.number(),
  dispensed: z.number(),
});
export type Machine = z.infer<typeof shape>;

const idle: Machine = { status: 'idle', saleId: '', itemId: '', cents: 0, paid: 0, dispensed: 0 };

export const machines = defineAggregate<Machine>({
  name: 'machine',
  initial: idle,
  events: [
    applies(ItemSelected, ({ dispensed }, { saleId, itemId, cents }) => {
      return { ...idle, dispensed, status: 'selected', saleId, itemId, cents };
    }),
    applies(PaymentCompleted, (machine, { cents }) => {
      return { ...machine, status: 'paid', paid: cents };
    }),
    applies(DrinkDispensed, ({ dispensed }) => ({ ...idle, dispensed: dispensed + 1 })),
  ],
  snapshot: { every: 100, schema: 1, data: jsonData(shape) },
});

/** What is sold, in cents. */
const prices: ReadonlyMap<string, number> = new Map([
  ['tea', 150],
  ['coffee', 220],
]);

/** One sale of one machine. */
export interface Sale {
  readonly machineId: string;
  readonly saleId: string;
}

export function select(machine: Machine, sale: Sale, itemId: string): readonly NewEvent[] {
  if (machine.saleId === sale.saleId) return [];
  if (machine.status !== 'idle') {
    throw refusal('MACHINE_BUSY', `${sale.machineId} is busy with sale ${machine.saleId}`);
  }
  const cents = prices.get(itemId);
  if (cents === undefined) throw refusal('NOT_SOLD', `${sale.machineId} sells no ${itemId}`);
  return [happened(ItemSelected, { ...sale, itemId, cents })];
}

export function pay(machine: Machine, sale: Sale, cents: number): readonly NewEvent[] {
  if (machine.saleId !== sale.saleId) {
    throw refusal('NOT_SELECTED', `${sale.machineId} is not selling ${sale.saleId}`);
  }
  if (machine.status === 'paid') return [];
  if (cents < machine.cents) {
    throw refusal('TOO_LITTLE', `${machine.itemId} costs ${String(machine.cents)} cents`);
  }
  return [happened(PaymentCompleted, { ...sale, cents })];
}

export function dispense(machine: Machine, sale: Sale): readonly NewEvent[] {
  if (machine.status !== 'paid' || machine.saleId !== sale.saleId) return [];
  const { itemId, paid, cents } = machine;
  return [happened(DrinkDispensed, { ...sale, itemId, changeCents: paid - cents })];
}
