import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { type CommandRig, startCommandRig, written } from '../testing/command-rig.ts';
import { createSeededRandom } from '../testing/seeded-random.ts';
import { isLoopback } from './load/loopback.ts';
import { openLoop } from './load/open-loop.ts';
import type { LoadReport } from './load/report.ts';
import { requestsOf } from './load/request.ts';
import { loadCommand } from './load.ts';

const method = 'shop.inventory.v1.InventoryService/GetStock';
let rig: CommandRig;
beforeAll(async () => {
  rig = await startCommandRig();
}, 60_000);
afterAll(() => rig.close());
afterEach(() => rig.behave({}));

async function load(args: readonly string[], input = ''): Promise<string> {
  const out = written(rig.consul);
  const command = loadCommand(out.io, Readable.from([input])).exitOverride();
  await command.parseAsync(args, { from: 'user' });
  return out.lines.join('\n');
}

const loadJson = async (...args: string[]): Promise<LoadReport> =>
  JSON.parse(await load([...args, '-o', 'json'])) as LoadReport;

test('weft load calls as a service does, and tells how calls ended, how long they took, and where', async () => {
  const seen = new Set<string>();
  rig.behave({
    getStock({ sku }) {
      seen.add(sku);
      return Promise.resolve({ item: undefined });
    },
  });
  const text = await load([method, '{"sku":"TEA-{{n}}"}', '--rps', '200', '--for', '500ms']);
  expect(seen.size).toBe(100);
  expect(seen).toContain('TEA-99');
  expect(text).toMatch(
    /^shop\.inventory\.v1\.InventoryService\/GetStock at inventory: 100 calls, /m,
  );
  expect(text).toMatch(/^OK +100 +100\.00%$/m);
  expect(text).toMatch(/^from due( +[\d.]+ ms){5}$/m);
  expect(text).toMatch(/^inventory-1 +\d+ /m);
  expect(text).toMatch(/^inventory-2 +\d+ /m);
});

test('with policy an unlucky attempt is repeated elsewhere; --plain shows what there is', async () => {
  let n = 0;
  rig.behave({
    getStock() {
      if (n++ % 10 === 0) throw new MeshError('shut', { status: 'UNAVAILABLE', reason: 'SHUT' });
      return Promise.resolve({ item: undefined });
    },
  });
  const few = ['--rps', '100', '--for', '400ms'];
  const asService = await loadJson(method, '{"sku":"TEA"}', ...few);
  expect(asService).toMatchObject({ sent: 40, successRate: 1, endings: { OK: 40 } });
  expect(asService.repeated).toBeGreaterThan(0);
  const plain = await loadJson(method, '{"sku":"TEA"}', ...few, '--plain');
  expect(plain.endings['UNAVAILABLE (SHUT)']).toBeGreaterThan(0);
  expect(plain).toMatchObject({ sent: 40, repeated: 0, laneShare: 0 });
});

test('requests from the input take turns; what is no request is refused before anything is sent', async () => {
  const seen: string[] = [];
  rig.behave({
    getStock({ sku }) {
      seen.push(sku);
      return Promise.resolve({ item: undefined });
    },
  });
  await load([method, '-', '--rps', '100', '--for', '40ms'], '{"sku":"a"}\n{"sku":"b"}\n');
  expect(seen.sort()).toEqual(['a', 'a', 'b', 'b']);
  await expect(load([method, '{"skew":1}'])).rejects.toThrow(/is no .*GetStockRequest: .*skew/);
  await expect(load([method, '{"sku":"{{m}}"}'])).rejects.toThrow(/\{\{m\}\} is no placeholder/);
  await expect(load(['shop.inventory.v1.InventoryService/ImportStock'])).rejects.toThrow(
    /ImportStock is a stream/,
  );
  await expect(load([method, '{}', '--rps', '90000', '--for', '1h'])).rejects.toThrow(
    /more than 5000000/,
  );
});

test('a load is for this machine unless it is said otherwise', () => {
  expect(['127.0.0.1', '127.8.8.8', '[::1]', 'localhost'].every(isLoopback)).toBe(true);
  expect(['10.0.0.1', '127.evil.example', 'localhost.example', '0.0.0.0'].some(isLoopback)).toBe(
    false,
  );
});

describe('the open loop', () => {
  const base = { perSecond: 1000, calls: 30, concurrency: 1, clock: systemClock };

  test('times each call from when it was due, so that those behind a slow one are slow too', async () => {
    const { signal } = new AbortController();
    const { latenciesMs, sent, unsent } = await openLoop(
      { ...base, perSecond: 100, calls: 20, signal },
      (n) => (n === 0 ? systemClock.sleep(100) : Promise.resolve()),
    );
    expect({ sent, unsent }).toEqual({ sent: 20, unsent: 0 });
    // The second was due after 10 ms and had to wait for the first: no call that came next was quick.
    expect(latenciesMs.filter((ms) => ms > 40).length).toBeGreaterThanOrEqual(5);
  });

  test('says how many were due and never sent', async () => {
    const { signal } = new AbortController();
    const { sent, unsent } = await openLoop({ ...base, signal }, () => systemClock.sleep(200));
    expect({ sent, unsent }).toEqual({ sent: 1, unsent: 29 });
  });

  test('ends early with what there is', async () => {
    const over = new AbortController();
    const { sent, latenciesMs } = await openLoop(
      { ...base, calls: 1_000_000, concurrency: 9, signal: over.signal },
      async (n) => {
        if (n === 5) over.abort();
        await systemClock.sleep(1);
      },
    );
    expect(sent).toBeLessThan(1000);
    expect(latenciesMs).toHaveLength(sent);
  });
});

test('{{uuid}} is another one each time', () => {
  const encode = (json: unknown): Uint8Array => Buffer.from(JSON.stringify(json));
  const requests = requestsOf(['{"id":"{{uuid}}","n":{{n}}}'], encode, createSeededRandom(1));
  const [one, two] = [requests(0), requests(1)].map((bytes) => Buffer.from(bytes).toString());
  const form =
    /^\{"id":"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}","n":\d\}$/;
  expect(one).toMatch(form);
  expect(two).toMatch(form);
  expect(one).not.toBe(two);
});
