import { afterEach, describe, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../../gen/shop/inventory/v1/inventory.ts';
import { createMemoryDiscovery } from '../../discovery/memory.ts';
import { systemClock } from '../../kernel/clock.ts';
import { type Closeable, closeAll } from '../../kernel/lifecycle.ts';
import { weftImage } from '../../schema/image.ts';
import { eventually } from '../../testing/eventually.ts';
import { inventory } from '../../testing/shop-handlers.ts';
import { echo } from '../../testing/transport-contract-messages.ts';
import { type Client, closeClient, createClient } from '../client/client.ts';
import { createPlainTransport } from '../plain/transport.ts';
import { createServer, type MeshServer } from '../server/server.ts';
import { laneKey } from './protocol.ts';
import { createLaneTransport, type LaneTransport } from './transport.ts';

/** Servers that leave and come while a client calls, with all that stands above the lane. */

const opened: Closeable[] = [];
afterEach(() => closeAll(opened.splice(0)));

interface Mesh {
  readonly client: Client<typeof InventoryServiceDefinition>;
  readonly transport: LaneTransport;
  /** How often a handler was called, by the number of the call. */
  readonly handled: Map<string, number>;
  /** Starts an instance that is found at once; it is found until `hide`. */
  join(): Promise<{ server: MeshServer; hide(): Promise<void> }>;
}

function startMesh(): Mesh {
  const { registry, resolver } = createMemoryDiscovery();
  const handled = new Map<string, number>();
  const transport = createLaneTransport({ plain: createPlainTransport() });
  const client = createClient(InventoryServiceDefinition, { resolver, transport });
  opened.push({ close: () => closeClient(client) });
  let instances = 0;
  return {
    ...{ client, transport, handled },
    async join() {
      const server = createServer({ image: weftImage() });
      server.add(
        InventoryServiceDefinition,
        inventory({
          async getStock({ sku }) {
            handled.set(sku, (handled.get(sku) ?? 0) + 1);
            await systemClock.sleep(sku.length % 3);
            return echo(sku);
          },
        }),
      );
      const address = await server.listen();
      opened.push(server);
      const lease = await registry.register({
        ...{ service: 'inventory', instanceId: `inventory-${String(++instances)}`, ...address },
        metadata: { [laneKey]: '1' },
      });
      return { server, hide: () => lease.close() };
    },
  };
}

const lanesOf = (transport: LaneTransport): number =>
  transport.stats().reduce((sum, { lanes }) => sum + lanes, 0);

describe('a rolling restart', () => {
  test('fails no call and runs none twice, with every call on a lane', async () => {
    const { client, transport, handled, join } = startMesh();
    let instances = [await join(), await join()];
    await eventually(async () => {
      await client.getStock({ sku: 'WARM-UP' });
      return lanesOf(transport) === 2;
    });
    let going = true;
    let calls = 0;
    const failures: unknown[] = [];
    const callers = Array.from({ length: 20 }, async () => {
      while (going) {
        const sku = `call-${String(calls++)}`;
        await client.getStock({ sku }).then(
          ({ item }) => {
            expect(item?.sku).toBe(sku);
          },
          (thrown: unknown) => failures.push(thrown),
        );
      }
    });
    for (let round = 0; round < 4; round++) {
      const [oldest] = instances;
      const next = await join();
      instances = [...instances.slice(1), next];
      // Not for a time: a machine that is busy makes few calls in it.
      const enough = calls + 130;
      await eventually(() => calls >= enough, { withinMs: 20_000 });
      // Discovery is late, as it is: the server leaves while clients still believe in it.
      const drained = oldest?.server.drain({ graceMs: 5000 });
      await systemClock.sleep(20);
      await oldest?.hide();
      await drained;
    }
    going = false;
    await Promise.all(callers);
    expect(failures).toEqual([]);
    expect(calls).toBeGreaterThan(500);
    handled.delete('WARM-UP');
    expect(handled.size).toBe(calls);
    expect(Math.max(...handled.values())).toBe(1);
    const laneCalls = transport.stats().map((each) => each.laneCalls);
    expect(Math.min(...laneCalls)).toBeGreaterThan(0);
  });
});
