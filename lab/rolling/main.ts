/**
 * `make rolling`: every instance of every service of the shop is restarted, one after the other, while 200
 * orders a second come in: what a deployment does. Clones the last commit and runs it on ports of its own;
 * takes about two minutes; writes lab/results/rolling.json.
 */
import { systemClock } from '#mesh';
import { type House, openHouse } from '../house/house.ts';
import { underLoad } from '../house/under-load.ts';
import { type Bar, writeResult } from '../result-file.ts';

/** Two of each, so that one can be away. */
const instances = 2;
const services = ['payments', 'inventory', 'orders', 'warehouse', 'notifications'];
const ratePerSecond = 200;
/** Between two restarts, in ms: the new instance takes its share before the next one leaves. */
const pauseMs = 1000;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const atMost = (name: string, value: number, bar: number): Bar => ({
  ...{ name, value, bar },
  op: '<=',
  unit: 'orders',
});

const house = await openHouse({ portBase: 7700, packages: 'shared' });
try {
  const scale = services.map((name) => `${name}=${String(instances)}`).join(',');
  say(`up, with ${scale}`);
  await house.weft(['up', '--scale', scale]);
  say(`restarting everything at ${String(ratePerSecond)} orders/s`);
  const rolling = await underLoad(house, {
    run: 'rolling',
    ratePerSecond,
    during: (note) => restartAll(house, note),
  });
  const { failed, audit } = rolling;
  const path = await writeResult({
    name: 'rolling',
    command: 'make rolling',
    bars: [
      atMost('rolling-failed', failed, 0),
      atMost('rolling-lost', audit.lost.length + audit.missing, 0),
      atMost('rolling-doubled', audit.doubled.length, 0),
    ],
    data: { ...rolling, instances, ratePerSecond },
  });
  say(`written: ${path}; make results shows it`);
} finally {
  await house.close();
}

/** One instance after the other: stopped as a deployment stops it, and started until Consul sees it pass. */
async function restartAll(of: House, note: (what: string) => void): Promise<void> {
  await systemClock.sleep(2000);
  for (const service of services) {
    for (let instance = 1; instance <= instances; instance++) {
      const id = `${service}#${String(instance)}`;
      await of.restart(id);
      note(`restarted ${id}`);
      await systemClock.sleep(pauseMs);
    }
  }
}
