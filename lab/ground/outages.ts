import { systemClock } from '#mesh';
import { type Audit, auditWhenSettled } from './audit.ts';
import type { House, Process } from './house.ts';
import { type LoadReport, offerLoad } from './load.ts';
import { openShop, placeNth, type ShopClients } from './shop.ts';

/** What an outage under load did. */
export interface OutageReport extends LoadReport {
  readonly audit: Audit;
  /** What happened when, for whoever reads the figures. */
  readonly events: readonly string[];
}

interface Outage {
  /** Tells the orders of this run from those of others. */
  readonly run: string;
  readonly ratePerSecond: number;
  readonly seconds: number;
  /** Runs beside the load; it may note what it did. */
  readonly fault: (note: (what: string) => void, shop: ShopClients) => Promise<void>;
}

/** Places orders at a fixed rate while something breaks, then audits the books. */
async function underLoad(house: House, outage: Outage): Promise<OutageReport> {
  const shop = openShop(house.consul);
  const answered: string[] = [];
  const events: string[] = [];
  const begin = systemClock.monotonic();
  const note = (what: string): void => {
    events.push(`${((systemClock.monotonic() - begin) / 1000).toFixed(1)} s: ${what}`);
  };
  try {
    // One order first, so that connections are open before the clock of the load runs.
    await placeNth(shop, { run: `${outage.run}-warm`, n: 0, confirmed: [] });
    const [report] = await Promise.all([
      offerLoad({
        ...outage,
        request: (n) => placeNth(shop, { run: outage.run, n, confirmed: answered }),
      }),
      outage.fault(note, shop),
    ]);
    note('the load has ended');
    const audit = await auditWhenSettled(house.root, { run: outage.run, answered });
    note(`settled: ${String(audit.confirmed)} orders`);
    return { ...report, audit, events };
  } finally {
    await shop.close();
  }
}

/** kill -9 of one of three inventory instances during 200 orders/s for 20 s. */
export function killOneOfThree(house: House): Promise<OutageReport> {
  return underLoad(house, {
    run: 'kill9',
    ratePerSecond: 200,
    seconds: 20,
    async fault(note) {
      await systemClock.sleep(7000);
      const pid = pidOf(await house.ps(), 'inventory#2');
      process.kill(pid, 'SIGKILL');
      note(`killed inventory#2, process ${String(pid)}`);
    },
  });
}

/** An infrastructure process is stopped for 30 s during 20 orders/s for 45 s. */
export function stopFor30s(house: House, which: 'consul' | 'nats'): Promise<OutageReport> {
  return underLoad(house, {
    run: `${which}-outage`,
    ratePerSecond: 20,
    seconds: 45,
    async fault(note) {
      await systemClock.sleep(5000);
      await house.weft(['stop', which]);
      note(`stopped ${which}`);
      await systemClock.sleep(30_000);
      await house.weft(['start', which]);
      note(`started ${which}`);
      if (which === 'consul') await registrationsBack(house, note);
    },
  });
}

/** Waits until Consul knows every instance again, each one passing. */
async function registrationsBack(house: House, note: (what: string) => void): Promise<void> {
  const services = (await house.ps()).filter((process) => process.kind === 'service');
  const end = systemClock.monotonic() + 30_000;
  for (;;) {
    const passing = await passingInstances(house.consul, services);
    if (passing === services.length) break;
    if (systemClock.monotonic() > end) {
      throw new Error(`${String(passing)} of ${String(services.length)} registrations came back`);
    }
    await systemClock.sleep(200);
  }
  note(`all ${String(services.length)} registrations are back`);
}

async function passingInstances(consul: string, processes: readonly Process[]): Promise<number> {
  const names = [...new Set(processes.map((process) => process.service))];
  const counts = await Promise.all(
    names.map(async (name) => {
      const answer = await fetch(`${consul}/v1/health/service/${name}?passing=true`).catch(
        () => undefined,
      );
      return answer?.ok === true ? ((await answer.json()) as unknown[]).length : 0;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

function pidOf(processes: readonly Process[], id: string): number {
  const pid = processes.find((process) => process.id === id)?.pid;
  if (pid === undefined) throw new Error(`${id} does not run`);
  return pid;
}
