import type { AdminServiceDefinition } from '../../gen/weft/admin/v1/admin.ts';
import {
  type GetSagaRequest,
  type GetSagaResponse,
  type ListSagasRequest,
  type ListSagasResponse,
  type Saga as Message,
  SagaOrder as OrderMessage,
  SagaStatus as StatusMessage,
  type SteerSagaRequest,
  type SteerSagaResponse,
} from '../../gen/weft/admin/v1/sagas.ts';
import { MeshError } from '../kernel/error.ts';
import type { Implementation } from '../rpc/server/implementation.ts';
import type { SagaDesk, SagaOrder, SagaView } from '../saga/desk.ts';
import { toTimestamp } from '../schema/timestamp.ts';

export interface SagaSources {
  /** Default: this process runs no sagas. */
  readonly sagas?: SagaDesk | undefined;
}

type Methods = Pick<Implementation<AdminServiceDefinition>, 'listSagas' | 'getSaga' | 'steerSaga'>;

const defaultLimit = 100;

/** The part of the admin service that is about sagas. */
export function sagaMethods({ sagas }: SagaSources): Methods {
  return {
    async listSagas({ all, limit }: ListSagasRequest): Promise<ListSagasResponse> {
      const views = (await sagas?.list({ all, limit: limit || defaultLimit })) ?? [];
      return { sagas: views.map(toMessage) };
    },
    async getSaga({ id }: GetSagaRequest): Promise<GetSagaResponse> {
      const view = await sagas?.show(id);
      if (view === undefined) throw notHere(id);
      return { saga: toMessage(view) };
    },
    async steerSaga({ id, order }: SteerSagaRequest): Promise<SteerSagaResponse> {
      const wanted = orders.get(order);
      if (wanted === undefined) throw unknownOrder(order);
      if (sagas === undefined) throw notHere(id);
      return { saga: toMessage(await sagas.steer(id, wanted)) };
    },
  };
}

const orders: ReadonlyMap<OrderMessage, SagaOrder> = new Map([
  [OrderMessage.RETRY, 'retry'],
  [OrderMessage.SKIP, 'skip'],
  [OrderMessage.COMPENSATE, 'compensate'],
]);

const statuses = {
  running: StatusMessage.RUNNING,
  compensating: StatusMessage.COMPENSATING,
  done: StatusMessage.DONE,
  compensated: StatusMessage.COMPENSATED,
  stuck: StatusMessage.STUCK,
} as const;

function toMessage(view: SagaView): Message {
  const { id, name, version, status, step, attempts, lastError, waitsFor, claimed } = view;
  const over = status === 'done' || status === 'compensated';
  return {
    ...{ id, name, version, step, attempts, lastError, waitsFor, claimed },
    status: statuses[status],
    dueTime: over || status === 'stuck' ? undefined : toTimestamp(view.dueMs),
    createdTime: toTimestamp(view.createdMs),
    updatedTime: toTimestamp(view.updatedMs),
    failure: view.failure && { ...view.failure },
    history: view.history.map((entry) => ({
      step: entry.step,
      compensation: entry.kind === 'compensation',
      outcome: entry.outcome,
      startedTime: toTimestamp(entry.startedMs),
      endedTime: entry.endedMs === undefined ? undefined : toTimestamp(entry.endedMs),
      attempts: entry.attempts ?? 0,
      error: entry.error ?? '',
    })),
  };
}

function notHere(id: string): MeshError {
  return new MeshError(
    `this service has no saga ${JSON.stringify(id)}; it may be another's, or ended longer ago than they are kept`,
    { status: 'NOT_FOUND', reason: 'SAGA_NOT_FOUND' },
  );
}

function unknownOrder(order: OrderMessage): MeshError {
  return new MeshError(`this version knows no order ${String(order)} for sagas`, {
    status: 'INVALID_ARGUMENT',
    reason: 'UNKNOWN_ORDER',
  });
}
