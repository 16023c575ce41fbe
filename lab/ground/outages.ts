import { systemClock } from '#mesh';
import type { House, Process } from '../house/house.ts';
import { type DrillReport, underLoad } from '../house/under-load.ts';

/** kill -9 of one of three inventory instances during 200 orders/s for 20 s. */
export function killOneOfThree(house: House): Promise<DrillReport> {
  return underLoad(house, {
    run: 'kill9',
    ratePerSecond: 200,
    seconds: 20,
    async during(note) {
      await systemClock.sleep(7000);
      const pid = pidOf(await house.ps(), 'inventory#2');
      process.kill(pid, 'SIGKILL');
      note(`killed inventory#2, process ${String(pid)}`);
    },
  });
}

/** An infrastructure process is stopped for 30 s during 20 orders/s for 45 s. */
export function stopFor30s(house: House, which: 'consul' | 'nats'): Promise<DrillReport> {
  return underLoad(house, {
    run: `${which}-outage`,
    ratePerSecond: 20,
    seconds: 45,
    async during(note) {
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
