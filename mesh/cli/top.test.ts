import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { MeshStats } from '../admin/mesh-stats.ts';
import { type CommandRig, startCommandRig, written } from '../testing/command-rig.ts';
import { eventually } from '../testing/eventually.ts';
import type { Screen } from './screen.ts';
import { topCommand } from './top.ts';
import { urgentFirst } from './top-order.ts';

let rig: CommandRig;
beforeAll(async () => {
  rig = await startCommandRig();
}, 60_000);
afterAll(() => rig.close());

test('weft top follows the mesh with the numbers of weft stat, one look under the other without a terminal', async () => {
  const out = written(rig.consul);
  const command = topCommand(out.io, undefined).exitOverride();
  const ended = command.parseAsync(['--every', '30ms'], { from: 'user' });
  await eventually(() => out.lines.filter((line) => line.startsWith('SERVICE')).length >= 3);
  out.interrupt();
  await ended;
  const text = out.lines.join('\n');
  expect(text).toMatch(/^\d\d:\d\d:\d\d$/m);
  expect(text).toMatch(/^orders → inventory +100\.00% /m);
  expect(text).toMatch(/^shop\.inventory\.v1\.InventoryService\/GetStock +100\.00% /m);
  expect(text).not.toContain('\u001b');
});

test('weft top in a terminal draws over what stood there, cut to its size, until q gives it back', async () => {
  const out = written(rig.consul);
  const keys: ((key: string) => void)[] = [];
  let given = 0;
  const screen: Screen = {
    size: () => ({ rows: 4, columns: 12 }),
    open: (onKey) => {
      keys.push(onKey);
      return () => given++;
    },
  };
  const command = topCommand(out.io, screen).exitOverride();
  const ended = command.parseAsync(['orders', '--every', '30ms'], { from: 'user' });
  await eventually(() => out.lines.length >= 6);
  expect(given).toBe(0);
  keys[0]?.('x');
  keys[0]?.('q');
  await ended;
  expect(given).toBe(1);
  expect(out.lines[0]?.startsWith('\u001b[H')).toBe(true);
  expect(out.lines[2]).toBe('SERVICE  INS\u001b[K\u001b[J');
});

test('weft top of a service that nobody knows ends with the names of those that are known', async () => {
  const out = written(rig.consul);
  const command = topCommand(out.io, undefined).exitOverride();
  await expect(command.parseAsync(['nobody'], { from: 'user' })).rejects.toThrow(
    /no service "nobody"; it knows inventory, orders/,
  );
});

test('what fails or is refused stands first, then what is busiest', () => {
  const row = (service: string, failed: number, perSecond: number) => ({
    ...{ service, failed, perSecond, instances: 1, inFlight: 0, cpu: 0, rssBytes: 0 },
    ...{ loopDelayP99Ms: 0, ended: 10, successRate: 1, laneShare: 1 },
    ...{ p50Ms: 1, p95Ms: 1, p99Ms: 1 },
  });
  const edge = (target: string, refused: number, breakersOpen: number) => ({
    ...row('x', 0, 1),
    ...{ caller: 'a', target, refused, breakersOpen, callers: 1, ejected: [], stale: false },
    ...{ attempts: row('x', 0, 1), retriedShare: 0, callsPerWrite: 1, retryBudget: 1 },
  });
  const stats: MeshStats = {
    services: [row('quiet', 0, 1), row('busy', 0, 90), row('ill', 3, 2)],
    edges: [edge('well', 0, 0), edge('refused', 9, 0), edge('open', 1, 1)],
    ...{ methods: [], publishers: [], consumers: [] },
  };
  const { services, edges } = urgentFirst(stats);
  expect(services.map(({ service }) => service)).toEqual(['ill', 'busy', 'quiet']);
  expect(edges.map(({ target }) => target)).toEqual(['open', 'refused', 'well']);
});
