/** A desk: its book, its contract, and in two of the flows what it hears. */
import { DeskServiceDefinition, PartDecided } from '#gen/flow/desk/v1/desk.ts';
import { OrderConfirmed, OrderDeclined, OrderPlaced } from '#gen/flow/orders/v1/orders.ts';
import {
  type AppTools,
  type Clock,
  type EventHandler,
  type Implementation,
  implement,
  on,
  type ServiceParts,
  type Transaction,
} from '#mesh';
import {
  ackWaitMs,
  type DeskName,
  type DeskTables,
  type Flow,
  isTold,
  type Pace,
  type ToldFlow,
} from './wire.ts';

type Tx = Transaction<DeskTables>;

interface Part {
  readonly orderId: string;
  /** The desk that says no to this order; empty: none. */
  readonly refusedBy: string;
}

interface Desk {
  readonly name: DeskName;
  /** The part in this transaction; false: the desk says no. */
  do(tx: Tx, part: Part): Promise<boolean>;
  undo(tx: Tx, orderId: string): Promise<void>;
  /** What the part takes beside writing it down. */
  work(signal: AbortSignal): Promise<void>;
}

function createDesk(name: DeskName, pace: Pace, clock: Clock): Desk {
  const known = (tx: Tx, orderId: string) =>
    tx.selectFrom('parts').select('state').where('order_id', '=', orderId).executeTakeFirst();
  return {
    name,
    async do(tx, { orderId, refusedBy }) {
      const before = await known(tx, orderId);
      if (before !== undefined) return before.state === 'done';
      const state = refusedBy === name ? 'refused' : 'done';
      await tx.insertInto('parts').values({ order_id: orderId, state, at: clock.now() }).execute();
      return state === 'done';
    },
    async undo(tx, orderId) {
      const before = await known(tx, orderId);
      const at = clock.now();
      if (before === undefined) {
        await tx.insertInto('parts').values({ order_id: orderId, state: 'void', at }).execute();
      } else if (before.state === 'done') {
        await tx
          .updateTable('parts')
          .set({ state: 'undone', at })
          .where('order_id', '=', orderId)
          .execute();
      }
    },
    work: (signal) => clock.sleep(pace.partMs, signal),
  };
}

/** What a desk consists of. */
export function deskParts(
  tools: AppTools<DeskTables>,
  { name, flow, pace }: { name: DeskName; flow: Flow; pace: Pace },
): ServiceParts<DeskTables> {
  const desk = createDesk(name, pace, tools.clock);
  const services = [implement(DeskServiceDefinition, deskService(tools, desk))];
  const handlers = isTold(flow) ? handlersOf(tools, desk, flow) : [];
  return handlers.length === 0 ? { services } : { services, consumer: { handlers, ackWaitMs } };
}

function deskService(
  { store }: AppTools<DeskTables>,
  desk: Desk,
): Implementation<DeskServiceDefinition> {
  return {
    async doPart(part, { signal }) {
      await desk.work(signal);
      return { done: await store.grouped((tx) => desk.do(tx, part)) };
    },
    async undoPart({ orderId }) {
      await store.grouped((tx) => desk.undo(tx, orderId));
      return {};
    },
  };
}

/** What each desk hears where not everything is asked of it. */
function handlersOf(
  tools: AppTools<DeskTables>,
  desk: Desk,
  flow: ToldFlow,
): readonly EventHandler<DeskTables>[] {
  const decides = flow === 'asynchronous';
  const decide = async (tx: Tx, part: Part, signal: AbortSignal): Promise<void> => {
    await desk.work(signal);
    const done = await desk.do(tx, part);
    await tools.events.publish(tx, PartDecided, { ...part, desk: desk.name, done });
  };
  switch (desk.name) {
    case 'inventory': {
      const back = on<OrderDeclined, DeskTables>(OrderDeclined, ({ orderId }, { tx }) =>
        desk.undo(tx, orderId),
      );
      const placed = on<OrderPlaced, DeskTables>(OrderPlaced, (part, { tx, signal }) =>
        decide(tx, part, signal),
      );
      return decides ? [back, placed] : [back];
    }
    case 'payments': {
      const reserved = on<PartDecided, DeskTables>(PartDecided, async (part, { tx, signal }) => {
        const { orderId, refusedBy } = part;
        if (part.desk === 'inventory' && part.done)
          await decide(tx, { orderId, refusedBy }, signal);
      });
      return decides ? [reserved] : [];
    }
    case 'warehouse':
    case 'notifications':
      return [
        on<OrderConfirmed, DeskTables>(OrderConfirmed, async ({ orderId }, { tx, signal }) => {
          await desk.work(signal);
          await desk.do(tx, { orderId, refusedBy: '' });
        }),
      ];
  }
}
