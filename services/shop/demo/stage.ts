import { InventoryServiceDefinition } from '#gen/shop/inventory/v1/inventory.ts';
import { NotificationsServiceDefinition } from '#gen/shop/notifications/v1/notifications.ts';
import { OrdersServiceDefinition } from '#gen/shop/orders/v1/orders.ts';
import { WarehouseServiceDefinition } from '#gen/shop/warehouse/v1/warehouse.ts';
import { type Span, SpanKind } from '#gen/weft/admin/v1/admin.ts';
import {
  type Closeable,
  closeClient,
  collectTrace,
  createClient,
  createConsul,
  createConsulDiscovery,
  createSpanRing,
  MeshError,
  renderTrace,
  systemClock,
  systemRandom,
  toSpan,
  traceTree,
} from '#mesh';
import type { Shop } from './story.ts';
import { meshAddress, runWeft } from './weft.ts';

const services = ['orders', 'inventory', 'payments', 'warehouse', 'notifications'];

/** The running mesh with a client on it, and a place to tell the story. */
export interface Demo extends Closeable {
  readonly shop: Shop;
  readonly say: { chapter(title: string): void; line(text: string): void };
  /** Runs a verb of weft. */
  weft(...args: readonly string[]): Promise<void>;
  /** Asks until the answer is yes, for at most 30 s. */
  until(what: string, probe: () => Promise<boolean>): Promise<void>;
  /** Draws a trace once `consumed` events of it are handled. */
  draw(traceId: string, end: { consumed: number }): Promise<void>;
}

/** Brings the mesh up if it is not, and connects to it. */
export async function openDemo(): Promise<Demo> {
  const consulAddress = await meshAddress();
  const consul = createConsul({ address: consulAddress });
  const discovery = createConsulDiscovery({ consul });
  const { resolver } = discovery;
  const ring = createSpanRing();
  const options = { resolver, spans: ring };
  const shop: Shop = {
    orders: createClient(OrdersServiceDefinition, options),
    inventory: createClient(InventoryServiceDefinition, options),
    warehouse: createClient(WarehouseServiceDefinition, options),
    notifications: createClient(NotificationsServiceDefinition, options),
    clock: systemClock,
    random: systemRandom,
  };
  const until: Demo['until'] = async (what, probe) => {
    const end = systemClock.monotonic() + 30_000;
    while (!(await probe())) {
      if (systemClock.monotonic() > end) throw notSeen(what);
      await systemClock.sleep(50);
    }
  };
  return {
    shop,
    until,
    say: {
      chapter: (title) => process.stdout.write(`\n${title}\n\n`),
      line: (text) => process.stdout.write(`  ${text}\n`),
    },
    weft: async (...args) => {
      await runWeft(args);
    },
    async draw(traceId, { consumed }) {
      let spans: Span[] = [];
      await until(`${String(consumed)} events handled`, async () => {
        const theirs = await collectTrace({ traceId, services, resolver, clock: systemClock });
        const mine = ring.ofTrace(traceId);
        spans = [
          ...mine.map((span) => toSpan(span, { service: 'demo', instanceId: 'demo' })),
          ...theirs,
        ];
        return spans.filter((span) => span.kind === SpanKind.CONSUMER).length >= consumed;
      });
      const tree = renderTrace(traceTree(spans)).replaceAll(/^/gm, '  ');
      process.stdout.write(`\n${tree}\n`);
    },
    async close() {
      const { orders, inventory, warehouse, notifications } = shop;
      await Promise.all([orders, inventory, warehouse, notifications].map(closeClient));
      await discovery.close();
    },
  };
}

function notSeen(what: string): MeshError {
  return new MeshError(`${what}: not seen within 30 s; look at: make ps, make logs`, {
    status: 'DEADLINE_EXCEEDED',
    reason: 'NOT_SEEN',
  });
}
