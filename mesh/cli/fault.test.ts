import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { createConsul } from '../consul/client.ts';
import { MeshError } from '../kernel/error.ts';
import { type CommandRig, startCommandRig, written } from '../testing/command-rig.ts';
import { errorOf } from '../testing/error-of.ts';
import { eventually } from '../testing/eventually.ts';
import { faultCommand } from './fault.ts';

const key = 'weft/policy/inventory';
let rig: CommandRig;
let consul: ReturnType<typeof createConsul>;
beforeAll(async () => {
  rig = await startCommandRig();
  consul = createConsul({ address: rig.consul });
}, 60_000);
afterAll(async () => {
  consul.close();
  await rig.close();
});
afterEach(() => consul.deleteValue(key));

async function fault(...args: string[]): Promise<string> {
  const out = written(rig.consul);
  await faultCommand(out.io)
    .exitOverride()
    .parseAsync(['inventory', ...args], { from: 'user' });
  return out.lines.join('\n');
}

const call = () => rig.stranger.getOrder({ orderId: 'TEA' });
const fails = async (): Promise<boolean> =>
  call().then(
    () => false,
    () => true,
  );

test('weft fault lets the calls of every caller fail as it was said, until it is cleared', async () => {
  expect(await fault()).toBe('no fault is set for inventory');
  const shown = await fault('--method', 'GetStock', '--abort', 'NOT_FOUND', '--for', '1m');
  expect(shown).toMatch(/^METHOD +ABORT +DELAY +ENDS\nGetStock +NOT_FOUND 100% +- +in \d+ s$/);
  await eventually(fails);
  // The handler of orders passes on what it was told.
  const error = MeshError.from(await errorOf(call()));
  expect(error).toMatchObject({ status: 'NOT_FOUND', reason: 'FAULT_INJECTED' });
  expect(await fault('--clear')).toMatch(/^cleared/);
  await eventually(async () => !(await fails()));
  expect((await consul.getValue(key)).value).toBeUndefined();
});

test('a fault ends by itself, and leaves what else the live policy says', async () => {
  await consul.putValue(key, '{"methods":{"GetStock":{"timeoutMs":700}}}');
  await fault('--abort', 'NOT_FOUND:1', '--for', '1500ms');
  await eventually(fails);
  await eventually(async () => !(await fails()));
  expect(await fault()).toContain('it has ended');
  await fault('--clear');
  expect((await consul.getValue(key)).value).toBe('{"methods":{"GetStock":{"timeoutMs":700}}}');
});

test('a delay is felt by the caller, and two methods have a fault each', async () => {
  const shown = await fault('--method', 'GetStock', '--delay', '5s:1');
  expect(shown).toMatch(/^GetStock +- +5000 ms 100% /m);
  expect(await fault('--method', 'Reserve', '--abort', 'ABORTED:0.25')).toMatch(
    /^GetStock .*\nReserve +ABORTED 25% /m,
  );
  // Longer than the call may take: its own deadline ends it.
  await eventually(
    async () => MeshError.from(await errorOf(call())).status === 'DEADLINE_EXCEEDED',
  );
  await fault('--clear', '--method', 'GetStock');
  expect(await fault()).not.toContain('GetStock');
});

test('what cannot be meant is refused, and nothing is changed', async () => {
  await expect(fault('--method', 'GetStonk', '--abort', 'ABORTED')).rejects.toThrow(
    /nothing was changed: faults\.0\.method is no method of inventory, which has GetStock/,
  );
  await expect(fault('--abort', 'OOPS:0.1')).rejects.toThrow(/name of a gRPC status/);
  await expect(fault('--abort', 'ABORTED:10')).rejects.toThrow(/a share is 0 to 1/);
  expect((await consul.getValue(key)).value).toBeUndefined();
  await consul.putValue(key, 'not a policy');
  await expect(fault('--abort', 'ABORTED')).rejects.toThrow(
    /is no live policy, .* --clear takes it/,
  );
});

test('a write that finds a newer one is not made', async () => {
  expect(await consul.swapValue(key, '{}', 0)).toBe(true);
  expect(await consul.swapValue(key, '{"lane":false}', 0)).toBe(false);
  expect((await consul.getValue(key)).value).toBe('{}');
});
