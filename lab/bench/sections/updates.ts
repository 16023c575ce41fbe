import { fork } from 'node:child_process';
import { join } from 'node:path';
import { createConsul, createConsulDiscovery } from '#mesh';
import { eventually } from '../../../mesh/testing/eventually.ts';
import { collectAll } from '../../suite/garbage.ts';
import type { Plan } from '../../suite/section.ts';
import { median, rounded } from '../../suite/stats.ts';
import { newBalancer } from './picks.ts';

const each = 1000;

/**
 * A process that calls a hundred services of a thousand instances each: what it keeps, and what it costs to hear
 * that one instance of one service has changed. Consul answers with the whole list, so the whole list is read.
 */
export async function updates(plan: Plan): Promise<object> {
  const services = plan.quick ? 10 : 100;
  const names = Array.from({ length: services }, (_, n) => `service-${n}`);
  const catalog = fork(join(import.meta.dirname, '../catalog.ts'), [String(each)]);
  const { port } = await new Promise<{ port: number }>((resolve) =>
    catalog.once('message', resolve),
  );
  const consul = createConsul({ address: `http://127.0.0.1:${port}` });
  const { resolver, close } = createConsulDiscovery({ consul });
  const heard = new Map<string, number>();
  await collectAll();
  const before = process.memoryUsage().heapUsed;
  const balancers = names.map((name) => {
    const balancer = newBalancer();
    resolver.watch(name, ({ endpoints }) => {
      balancer.update(endpoints);
      if (endpoints.length === each) heard.set(name, (heard.get(name) ?? 0) + 1);
    });
    return balancer;
  });
  await eventually(() => heard.size === services, { withinMs: 60_000 });
  await collectAll();
  const heapMb = rounded((process.memoryUsage().heapUsed - before) / 2 ** 20);
  const took: number[] = [];
  const cpu = process.cpuUsage();
  for (const name of names) {
    const begin = performance.now();
    catalog.send(name);
    await eventually(() => heard.get(name) === 2, { everyMs: 1 });
    took.push(performance.now() - begin);
  }
  const { user, system } = process.cpuUsage(cpu);
  await close();
  consul.close();
  for (const balancer of balancers) balancer.close();
  catalog.kill();
  const updateCpuMs = rounded((user + system) / 1000 / services);
  const report = { services, each, heapMb, updateCpuMs, updateMs: rounded(median(took)) };
  plan.say(`  ${JSON.stringify(report)}`);
  return report;
}
