import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type CommandRig, startCommandRig, written } from '../testing/command-rig.ts';
import { eventually } from '../testing/eventually.ts';
import { splitCommand } from './split.ts';

let rig: CommandRig;
/** The instances that were asked, by the version in their names, of the last calls. */
let asked: string[] = [];
beforeAll(async () => {
  rig = await startCommandRig();
}, 60_000);
afterAll(() => rig.close());

async function split(...args: string[]): Promise<string> {
  const out = written(rig.consul);
  await splitCommand(out.io)
    .exitOverride()
    .parseAsync(['inventory', ...args], { from: 'user' });
  return out.lines.join('\n');
}

/** How many of so many calls went to inventory-2. */
async function atSecond(calls: number): Promise<number> {
  asked = [];
  for (let i = 0; i < calls; i++) {
    await rig.stranger.getOrder({ orderId: 'TEA' });
    asked.push(rig.lastAsked());
  }
  return asked.filter((each) => each === 'inventory-2').length;
}

test('weft split sends shares to versions, shows them, and ends it', async () => {
  expect(await split()).toBe('no split is set for inventory');
  expect(await split('v1=0', 'v2=100')).toMatch(
    /^SHARE +GOES TO\n0% +inventory\/v1\n100% +inventory\/v2$/,
  );
  await eventually(async () => (await atSecond(20)) === 20);
  await split('v1=90', 'v2=10');
  await eventually(async () => {
    const second = await atSecond(40);
    return second >= 2 && second <= 7;
  });
  const json = JSON.parse(await split('-o', 'json')) as unknown;
  expect(json).toMatchObject([{ Weight: 90, ServiceSubset: 'v1' }, { Weight: 10 }]);
  expect(await split('--clear')).toMatch(/^cleared/);
  expect(await split()).toBe('no split is set for inventory');
  await eventually(async () => (await atSecond(40)) > 7);
});

test('what does not add up, or nobody knows, is refused and changes nothing', async () => {
  await expect(split('v1=90', 'v2=20')).rejects.toThrow(/add up to 110, not to 100/);
  await expect(split('v1=90', 'v9=10')).rejects.toThrow(
    /"v9" is no subset of inventory \(v1, v2\), no version .* \(v1, v2\) and no service \(inventory, orders\)/,
  );
  await expect(split('v1')).rejects.toThrow(/write it as v2=10/);
  expect(await split()).toBe('no split is set for inventory');
});
