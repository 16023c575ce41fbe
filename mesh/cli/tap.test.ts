import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '../kernel/clock.ts';
import { runInContext } from '../kernel/context.ts';
import { MeshError } from '../kernel/error.ts';
import { type CommandRig, startCommandRig, type Written, written } from '../testing/command-rig.ts';
import { eventually } from '../testing/eventually.ts';
import { tapCommand } from './tap.ts';
import type { TapEntry } from './tap-line.ts';

let rig: CommandRig;
const open: { out: Written; ended: Promise<unknown> }[] = [];

beforeAll(async () => {
  rig = await startCommandRig();
}, 60_000);
afterAll(() => rig.close());
afterEach(async () => {
  rig.behave({});
  for (const { out } of open) out.interrupt();
  await Promise.all(open.splice(0).map(({ ended }) => ended));
});

/** Taps with these arguments; resolves when all three instances are tapped. */
async function tapping(...args: string[]): Promise<Written & { ended: Promise<unknown> }> {
  const out = written(rig.consul);
  const ended = tapCommand(out.io).exitOverride().parseAsync(args, { from: 'user' });
  open.push({ out, ended });
  await eventually(() => out.notes.length === 3);
  return { ...out, ended };
}

const entries = ({ lines }: Written): TapEntry[] =>
  lines.map((line) => JSON.parse(line) as TapEntry);

test('weft tap shows each call once, with both of its sides, and calls from outside by their address', async () => {
  const out = await tapping('inventory');
  expect([...out.notes].sort()).toEqual([
    ...['tapping inventory-1', 'tapping inventory-2', 'tapping orders-1'],
  ]);
  const traceId = 'a'.repeat(32);
  const trace = { traceId, spanId: 'b'.repeat(16), sampled: true };
  await runInContext({ trace }, () => rig.stranger.getOrder({ orderId: 'TEA' }));
  await eventually(() => out.lines.length > 0);
  // A handler's word for a call whose caller has told is not shown again.
  await systemClock.sleep(500);
  expect(out.lines).toHaveLength(1);
  expect(out.lines[0]).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} {2}orders-1 → inventory-[12] +InventoryService\/GetStock +OK +[\d.]+ ms.* (lane|plain) +a{32}$/,
  );
});

test('weft tap of the service in the middle shows what it is asked and what it asks, in JSON as numbers', async () => {
  const out = await tapping('orders', '-o', 'json');
  await rig.stranger.getOrder({ orderId: 'TEA' });
  await eventually(() => out.lines.length === 2);
  const [asks, asked] = entries(out);
  expect(asks).toMatchObject({ kind: 'call', from: 'orders-1', status: 'OK', attempts: 1 });
  expect(asks?.to).toMatch(/^inventory-[12]$/);
  // The stranger is no process of the mesh: nobody tells of its side.
  expect(asked).toMatchObject({ to: 'orders-1', method: 'shop.orders.v1.OrdersService/GetOrder' });
  expect(asked?.ms).toBeGreaterThan(0);
  expect(JSON.stringify(out.lines)).not.toContain('TEA');
});

test('weft tap --failed --method --peer shows what was asked for, with reason and attempts', async () => {
  const out = await tapping(
    ...['inventory', '--failed', '--method', 'GetStock', '--peer', 'orders', '-o', 'json'],
  );
  await rig.stranger.getOrder({ orderId: 'TEA' });
  const refuse = () => {
    throw new MeshError('no', { status: 'UNAVAILABLE', reason: 'SHUT' });
  };
  rig.behave({ getStock: refuse, reserve: refuse });
  await expect(rig.stranger.getOrder({ orderId: 'TEA' })).rejects.toThrow();
  await eventually(() => out.lines.length > 0);
  const [first] = entries(out);
  expect(first).toMatchObject({ from: 'orders-1', status: 'UNAVAILABLE', reason: 'SHUT' });
  expect(first?.attempts).toBeGreaterThan(1);
});

test('weft tap --slow leaves out what was quick; --count ends it; several may tap at once', async () => {
  const slow = await tapping('inventory', '--slow', '80ms', '--count', '1');
  const all = await tapping('inventory', '--for', '30s');
  await rig.stranger.getOrder({ orderId: 'TEA' });
  rig.behave({
    async getStock() {
      await systemClock.sleep(100);
      return { item: undefined };
    },
  });
  await rig.stranger.getOrder({ orderId: 'TEA' });
  await slow.ended;
  expect(slow.lines).toHaveLength(1);
  expect(Number(/([\d.]+) ms/.exec(slow.lines[0] ?? '')?.[1])).toBeGreaterThanOrEqual(80);
  await eventually(() => all.lines.length === 2);
});

test('weft tap of a service that nobody knows names those that are known', async () => {
  const out = written(rig.consul);
  await expect(
    tapCommand(out.io).exitOverride().parseAsync(['nobody'], { from: 'user' }),
  ).rejects.toThrow(/no service "nobody"; it knows inventory, orders/);
});
