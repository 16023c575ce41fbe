import { Answer, OrdersServiceDefinition, type PlaceRequest } from '#gen/flow/orders/v1/orders.ts';
import {
  type AppTools,
  callStep,
  currentContext,
  defineSaga,
  implement,
  jsonData,
  localStep,
  MeshError,
  refusal,
  type Saga,
  type SagaOutcome,
  type ServiceParts,
  type Step,
  z,
} from '#mesh';
import { type Book, createBook } from './book.ts';
import { type DeskClients, deskClients } from './desk-clients.ts';
import type { DeskName, OrdersTables } from './wire.ts';

const shape = z.object({ orderId: z.string(), refusedBy: z.string() });
type Part = z.infer<typeof shape>;

interface OrderSagaParts {
  readonly book: Book;
  readonly desks: DeskClients;
  /** Called when an order that its customer may wait for is confirmed, and that is stored. */
  readonly onConfirmed: (orderId: string) => void;
  readonly onCommit: AppTools<OrdersTables>['store']['onCommit'];
}

/** Of a desk that is away: it is asked again soon, the fault lasts for seconds. */
const retry = { firstMs: 250, longestMs: 1000 };

/**
 * Orchestrated: a saga in the database of orders knows where each order stands, and tells each desk what to do. The
 * payment is its pivot: what comes before is taken back if the answer is no, what comes after is asked for until it
 * is done. The desks know nothing of each other and hear of nothing; nobody needs a broker.
 */
export function orchestratedOrders(tools: AppTools<OrdersTables>): ServiceParts<OrdersTables> {
  const { store, clock } = tools;
  const book = createBook(store);
  const waiting = new Map<string, () => void>();
  const saga = orderSaga({
    ...{ book, desks: deskClients(tools) },
    onConfirmed: (orderId) => waiting.get(orderId)?.(),
    onCommit: (tx, task) => store.onCommit(tx, task),
  });
  const sagas = tools.sagas([saga], { pollMs: 200 });
  const place = async ({ orderId, refusedBy }: PlaceRequest): Promise<Answer> => {
    const { promise: confirmed, resolve } = Promise.withResolvers<undefined>();
    waiting.set(orderId, () => {
      resolve(undefined);
    });
    try {
      await store.grouped(async (tx) => {
        const order = { order_id: orderId, refused_by: refusedBy, placed_at: clock.now() };
        await book.open(tx, order);
        await sagas.start(tx, saga, { id: orderId, data: { orderId, refusedBy } });
      });
      const { signal } = currentContext();
      const waited = { whenPostponed: 'answer', ...(signal && { signal }) } as const;
      // What comes after the payment is not waited for: the answer is known.
      const ended = sagas.outcome(saga, orderId, waited).then(answerOf);
      return await Promise.race([confirmed.then(() => Answer.CONFIRMED), ended]);
    } finally {
      waiting.delete(orderId);
    }
  };
  return {
    services: [
      implement(OrdersServiceDefinition, {
        place: async (request) => ({ answer: await place(request) }),
      }),
    ],
  };
}

function orderSaga({
  book,
  desks,
  onConfirmed,
  onCommit,
}: OrderSagaParts): Saga<OrdersTables, Part> {
  const done = async (desk: DeskName, part: Part): Promise<Part> => {
    if ((await desks[desk].doPart(part)).done) return part;
    throw refusal('DESK_REFUSED', `${desk} says no`);
  };
  const after = (desk: DeskName): Step<OrdersTables, Part> =>
    // A fault after the payment is no reason to give up: somebody has paid.
    callStep(desk, { retry: { ...retry, faults: 1000 }, action: (part) => done(desk, part) });
  return defineSaga<OrdersTables, Part>({
    name: 'place-order',
    data: jsonData(shape),
    steps: [
      callStep('inventory', {
        retry,
        action: (part) => done('inventory', part),
        async compensate({ orderId }) {
          await desks.inventory.undoPart({ orderId });
        },
      }),
      callStep('payments', { pivot: true, retry, action: (part) => done('payments', part) }),
      localStep('confirm', {
        async action(tx, part) {
          await book.settle(tx, part.orderId, 'confirmed');
          onCommit(tx, () => {
            onConfirmed(part.orderId);
          });
          return part;
        },
      }),
      after('warehouse'),
      after('notifications'),
    ],
    async onCompensated(tx, { orderId }) {
      await book.settle(tx, orderId, 'declined');
    },
  });
}

/** What the customer hears of a saga that has not confirmed the order yet. */
function answerOf(outcome: SagaOutcome<Part>): Answer {
  if (outcome.status === 'done') return Answer.CONFIRMED;
  if (outcome.status === 'compensated') return Answer.DECLINED;
  throw new MeshError(`the order is not decided yet: ${outcome.error}; its saga goes on`, {
    status: 'UNAVAILABLE',
    reason: 'ORDER_PENDING',
  });
}
