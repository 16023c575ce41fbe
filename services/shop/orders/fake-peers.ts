import {
  InventoryServiceDefinition,
  ReserveOutcome,
  type ReserveRequest,
} from '#gen/shop/inventory/v1/inventory.ts';
import { OrderConfirmed, OrderDeclined } from '#gen/shop/orders/v1/events.ts';
import {
  type ChargeRequest,
  PaymentStatus,
  PaymentsServiceDefinition,
} from '#gen/shop/payments/v1/payments.ts';
import { OrderShipped } from '#gen/shop/warehouse/v1/events.ts';
import {
  type AppOptions,
  type AppTools,
  implement,
  type MeshError,
  on,
  type ServiceBinding,
} from '#mesh';

/** Starts a service in the mesh of the test. */
export type StartService = (app: Pick<AppOptions<unknown>, 'name' | 'build'>) => Promise<unknown>;

/** The peers of orders as a test wants them, and what they were asked. */
export interface Peers {
  readonly reserved: ReserveRequest[];
  readonly charged: ChargeRequest[];
  readonly heard: (OrderConfirmed | OrderDeclined)[];
  outcome: ReserveOutcome;
  refusal: string;
  /** Thrown by payments while it is set. */
  failure: MeshError | undefined;
  ship(orderId: string): Promise<void>;
}

export async function startPeers(start: StartService): Promise<Peers> {
  let warehouse: AppTools<unknown>;
  const peers: Peers = {
    ...{ reserved: [], charged: [], heard: [], refusal: '', failure: undefined },
    outcome: ReserveOutcome.RESERVED,
    ship: async (orderId) => {
      const shipped = { orderId, customerId: 'ada', terminalId: 'T1', occurredAt: undefined };
      await warehouse.store.transaction((tx) =>
        warehouse.events.publish(tx, OrderShipped, shipped),
      );
    },
  };
  await start({ name: 'inventory', build: () => ({ services: [inventory(peers)] }) });
  await start({ name: 'payments', build: () => ({ services: [payments(peers)] }) });
  await start({
    name: 'warehouse',
    build: (tools) => {
      warehouse = tools;
      const hear = async (event: OrderConfirmed | OrderDeclined): Promise<void> => {
        peers.heard.push(event);
      };
      return {
        services: [],
        consumer: { handlers: [on(OrderConfirmed, hear), on(OrderDeclined, hear)] },
      };
    },
  });
  return peers;
}

function inventory(peers: Peers): ServiceBinding {
  return implement(InventoryServiceDefinition, {
    async reserve(request) {
      peers.reserved.push(request);
      const { outcome } = peers;
      return outcome === ReserveOutcome.RESERVED
        ? { outcome, sku: '', total: { minorUnits: 900n, currencyCode: 'EUR' } }
        : { outcome, sku: 'TEA-GREEN', total: undefined };
    },
    getStock: notAsked,
    importStock: notAsked,
  });
}

function payments(peers: Peers): ServiceBinding {
  return implement(PaymentsServiceDefinition, {
    async charge(request) {
      peers.charged.push(request);
      if (peers.failure) throw peers.failure;
      const { orderId, amount } = request;
      const status = peers.refusal ? PaymentStatus.DECLINED : PaymentStatus.CHARGED;
      const payment = { paymentId: 'pay_1', orderId, amount, status, decidedAt: undefined };
      return { payment: { ...payment, declineReason: peers.refusal } };
    },
    getPayment: notAsked,
  });
}

function notAsked(): never {
  throw new Error('orders does not ask for this');
}
