import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../../gen/shop/inventory/v1/inventory.ts';
import { createMemoryDiscovery } from '../../discovery/memory.ts';
import { systemClock } from '../../kernel/clock.ts';
import { laneKey } from '../lane/protocol.ts';
import { createPeers } from './peers.ts';

const program = fileURLToPath(new URL('../../testing/inventory-process.ts', import.meta.url));
const order = { orderId: 'o1', lines: [{ sku: 'TEA', quantity: 1 }] };

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Starts an inventory; its process and its port. */
async function start(): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, port: Number(line.toString()) };
}

test.each([
  ['by lane', '1'],
  ['plainly', '0'],
])(
  'nine of ten processes are killed and stay listed: of a thousand calls %s none fails',
  async (_how, lane) => {
    const { registry, resolver } = createMemoryDiscovery();
    const started: Awaited<ReturnType<typeof start>>[] = [];
    for (let i = 0; i < 10; i++) {
      const instance = await start();
      started.push(instance);
      await registry.register({
        ...{ instanceId: `inventory-${String(i)}`, service: 'inventory', host: '127.0.0.1' },
        ...{ port: instance.port, metadata: { [laneKey]: lane } },
      });
    }
    const peers = createPeers({ resolver });
    const { reserve, ...others } = InventoryServiceDefinition.methods;
    // A schema that marks nothing: what may have reached a handler is not repeated.
    const methods = { ...others, reserve: { ...reserve, options: {} } };
    const stub = peers.client({ ...InventoryServiceDefinition, methods } as const);
    // Each of them is connected and known to work when it is killed.
    for (let i = 0; i < 20; i++) {
      await Promise.all(Array.from({ length: 20 }, () => stub.reserve(order)));
    }
    for (const { child } of started.slice(0, 9)) await kill(child);
    let failed = 0;
    for (let batch = 0; batch < 100; batch++) {
      await Promise.all(
        Array.from({ length: 10 }, () => stub.reserve(order).catch(() => failed++)),
      );
      await systemClock.sleep(15);
    }
    expect(failed).toBe(0);
    await peers.close();
  },
);
