/**
 * The flow that is told by a saga: reserve, note the price, charge, decide. The card is the pivot: a charge of
 * which nobody knows whether it happened is asked again until payments answers, and never guessed. A refusal
 * before it declines the order. There is no step that gives the stock back: OrderDeclined is published in the
 * transaction of the decision, and inventory hears it, as in the other flow.
 */
import {
  type Bell,
  type Clock,
  callStep,
  currentContext,
  defineSaga,
  jsonData,
  localStep,
  refusal,
  runInContext,
  type Saga,
  type Sagas,
  type SagaTuning,
  type Store,
  type Transaction,
  z,
} from '#mesh';
import { type OrderFlow, stillPending } from './flow.ts';
import { confirm, type DecidedOrder, decisionOf, decline, type PendingOrder } from './order.ts';
import { charge, type Peers, reserve } from './peers.ts';
import type { OrderStore, OrdersDb, Undecided } from './store.ts';

/** What the saga carries from step to step. The card token stays in the order's row, and is emptied there. */
const shape = z.object({
  orderId: z.string(),
  total: z.object({ minorUnits: z.number(), currency: z.string() }).optional(),
});
type OrderData = z.infer<typeof shape>;

export interface SagaFlowOptions {
  readonly peers: Peers;
  readonly store: Store<OrdersDb>;
  readonly orders: OrderStore;
  readonly sagas: (sagas: readonly Saga<OrdersDb>[], tuning?: SagaTuning) => Sagas<OrdersDb>;
  readonly publish: (tx: Transaction<OrdersDb>, order: DecidedOrder) => Promise<unknown>;
  /** Rung when an order was decided, for those who watch it. */
  readonly bell: Bell;
  /** How long an order that is new is left to whoever placed it, in ms. */
  readonly leaseMs: number;
  readonly clock: Clock;
}

/** A second, two, four ... 64: the customer waits, and a peer that is away costs little. */
const retry = { firstMs: 1_000, longestMs: 64_000, faults: 20 };
const batch = 64;

export function createSagaFlow(options: SagaFlowOptions): OrderFlow {
  const { store, orders, leaseMs, clock } = options;
  const saga = orderSaga(options);
  const sagas = options.sagas([saga]);
  const begin = async (tx: Transaction<OrdersDb>, orderId: string): Promise<void> => {
    await sagas.start(tx, saga, { id: orderId, data: { orderId } });
  };
  return {
    begin: (tx, { orderId }) => begin(tx, orderId),
    async decide({ order: { orderId } }) {
      const { signal } = currentContext();
      const outcome = await sagas.outcome(saga, orderId, {
        ...(signal && { signal }),
        whenPostponed: 'answer',
      });
      const order = await orders.find(orderId);
      if (order !== undefined && order.status !== 'pending') return decisionOf(order);
      throw stillPending({ orderId }, 'error' in outcome ? outcome.error : outcome.status);
    },
    async resume() {
      // Orders without a saga: they were placed while the other flow was set.
      const nowMs = clock.now();
      const due = await orders.claimDue({ nowMs, untilMs: nowMs + leaseMs, limit: batch });
      for (const { order, origin } of due) {
        // Its saga keeps what the order's own row has kept: the trace and the baggage of whoever placed it.
        await runInContext(origin, () => store.transaction((tx) => begin(tx, order.orderId)));
      }
    },
  };
}

/** One order's way, from the row that was just written to its decision. */
function orderSaga(options: SagaFlowOptions): Saga<OrdersDb, OrderData> {
  const { peers, orders } = options;
  return defineSaga<OrdersDb, OrderData>({
    name: 'place-order',
    data: jsonData(shape),
    steps: [
      callStep('reserve', {
        retry,
        async action(data) {
          const stock = await reserve(peers, (await undecided(orders, data)).order);
          if ('reason' in stock) throw refusal(stock.reason, 'inventory cannot reserve it');
          return { ...data, total: stock.total };
        },
      }),
      localStep('price', {
        async action(tx, data) {
          if (data.total) await orders.price(tx, data.orderId, data.total);
          return data;
        },
      }),
      callStep('charge', {
        pivot: true,
        retry,
        async action(data) {
          const { order, cardToken } = await undecided(orders, data);
          const reason = await charge(peers, order, { amount: totalOf(data), cardToken });
          if (reason !== undefined) throw refusal(reason, 'payments refused the card');
          return data;
        },
      }),
    ],
    onDone: (tx, data) =>
      settle(options, tx, data, (order, nowMs) => confirm(order, totalOf(data), nowMs)),
    onCompensated: (tx, data, { failure }) =>
      settle(options, tx, data, (order, nowMs) =>
        decline({ ...order, total: data.total }, failure.reason, nowMs),
      ),
  });
}

/** Writes the decision and its event, in the transaction that ends the saga. */
async function settle(
  { store, orders, publish, bell, clock }: SagaFlowOptions,
  tx: Transaction<OrdersDb>,
  { orderId }: OrderData,
  decide: (order: PendingOrder, nowMs: number) => DecidedOrder,
): Promise<void> {
  const found = await orders.find(orderId, tx);
  // Decided before, as by the other flow: that decision stands, and was told.
  if (found?.status !== 'pending') return;
  const decided = decide(found, clock.now());
  if (!(await orders.settle(tx, decided))) return;
  await publish(tx, decided);
  store.onCommit(tx, () => {
    bell.ring(orderId);
  });
}

/** The order as its steps need it: with the card. */
async function undecided(orders: OrderStore, { orderId }: OrderData): Promise<Undecided> {
  const found = await orders.undecided(orderId);
  if (found !== undefined) return found;
  throw refusal('ORDER_DECIDED', `order ${orderId} was decided already`);
}

function totalOf({ orderId, total }: OrderData): NonNullable<OrderData['total']> {
  if (total !== undefined) return total;
  throw new Error(`order ${orderId} comes to its charge without a price`);
}
