/**
 * `make ground`: what the ground floor promises, measured in a fresh clone of the last commit: start from
 * nothing, start when installed, memory, and orders while things break. Takes about five minutes; writes
 * lab/results/ground.json.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type House, openHouse } from '../house/house.ts';
import { residentMb } from '../house/proc.ts';
import { type Bar, writeResult } from '../result-file.ts';
import { callFromPython } from './foreign.ts';
import { killOneOfThree, stopFor30s } from './outages.ts';

const atMost = (name: string, value: number, bar: number, unit: string): Bar => ({
  name,
  value: Math.round(value * 10) / 10,
  op: '<=',
  bar,
  unit,
});

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const house = await openHouse({ portBase: 7500, packages: 'own' });
const npmCache = mkdtempSync(join(tmpdir(), 'weft-npm-cache-'));
try {
  say('up, from an empty clone and an empty npm cache');
  const coldMs = await house.make(['up'], { npm_config_cache: npmCache });
  await house.make(['down']);
  say('tools, from an empty cache');
  rmSync(join(house.root, '.tools'), { recursive: true, force: true });
  const toolsMs = await house.make(['tools']);
  say('up, when installed');
  const warmMs = await house.make(['up', 'SCALE=inventory=3']);
  const atRest = await memoryOf(house);
  const python = await callFromPython(house.orders);
  say('kill -9 of one of three inventory instances at 200 orders/s');
  const kill9 = await killOneOfThree(house);
  const afterLoad = await memoryOf(house);
  say('consul stopped for 30 s at 20 orders/s');
  const consul = await stopFor30s(house, 'consul');
  say('nats-server stopped for 30 s at 20 orders/s');
  const nats = await stopFor30s(house, 'nats');
  const path = await writeResult({
    name: 'ground',
    command: 'make ground',
    bars: [
      atMost('up-cold-s', coldMs / 1000, 90, 's'),
      atMost('up-warm-ms', warmMs, 8000, 'ms'),
      atMost('kill9-failed', kill9.failed, 0, 'orders'),
      atMost('kill9-lost', kill9.audit.lost.length, 0, 'orders'),
      atMost('kill9-doubled', kill9.audit.doubled.length, 0, 'orders'),
      atMost('consul-outage-failed', consul.failed, 0, 'orders'),
      atMost('nats-outage-failed', nats.failed, 0, 'orders'),
      atMost('nats-outage-missing', nats.audit.missing + nats.audit.lost.length, 0, 'orders'),
      atMost('tools-cold-s', toolsMs / 1000, 30, 's'),
      // The largest service of a mesh that is up and idle; what load leaves behind stands in the data.
      atMost('rss-per-service-mb', Math.max(...Object.values(atRest)), 110, 'MiB'),
    ],
    data: { kill9, consul, nats, memoryMb: { atRest, afterLoad }, python },
  });
  say(`written: ${path}; make results shows it`);
} finally {
  await house.close();
  rmSync(npmCache, { recursive: true, force: true });
}

/** Resident memory of every service, in MiB. */
async function memoryOf(of: House): Promise<Record<string, number>> {
  const services = (await of.ps()).filter((process) => process.kind === 'service');
  return Object.fromEntries(services.map(({ id, pid }) => [id, residentMb(pid ?? 0)]));
}
