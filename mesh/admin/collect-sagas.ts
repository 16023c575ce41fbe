import {
  type GetSagaResponse,
  type ListSagasRequest,
  type Saga,
  SagaStatus,
  type SteerSagaRequest,
} from '../../gen/weft/admin/v1/sagas.ts';
import { MeshError } from '../kernel/error.ts';
import { type Ask, type Asked, type AskOptions, askAll } from './collect.ts';

/** A saga, and the service in whose database it is. */
export interface FoundSaga {
  readonly service: string;
  readonly saga: Saga;
}

/** The sagas of these services; one that several instances know, because they share a database, stands once. */
export async function collectSagas(
  request: ListSagasRequest,
  options: AskOptions,
): Promise<{ readonly sagas: readonly FoundSaga[]; readonly silent: readonly string[] }> {
  const asked = await askAll(options, async (admin, call, { service }) => {
    const { sagas } = await admin.listSagas(request, call);
    return sagas.map((saga) => ({ service, saga }));
  });
  const each = new Map<string, FoundSaga>();
  for (const found of asked.answers.flat()) {
    each.set(`${found.service}/${found.saga.id}`, found);
  }
  const rank = ({ saga }: FoundSaga): number =>
    saga.status === SagaStatus.STUCK ? 0 : saga.dueTime === undefined ? 2 : 1;
  const sagas = [...each.values()].sort((a, b) => rank(a) - rank(b));
  return { sagas: sagas.slice(0, request.limit), silent: asked.silent };
}

/** What the instances say of one saga: those that have it, or why they do not do what they were told. */
export type Said = FoundSaga | { readonly refused: MeshError } | 'unknown';

/** A saga, wherever it is. */
export function findSaga(id: string, options: AskOptions): Promise<Asked<Said>> {
  return askAll(
    options,
    saying((admin, call) => admin.getSaga({ id }, call)),
  );
}

/**
 * Tells a saga what to do: the first instance that knows it, because one that is told twice may do it twice.
 */
export async function steerSaga(
  request: SteerSagaRequest,
  options: AskOptions,
): Promise<Asked<Said>> {
  let told = false;
  return askAll(
    options,
    saying(async (admin, call) => {
      const found = await admin.getSaga({ id: request.id }, call);
      if (told) return found;
      told = true;
      return admin.steerSaga(request, call);
    }),
  );
}

function saying(ask: Ask<GetSagaResponse>): Ask<Said> {
  return async (admin, call, endpoint) => {
    try {
      const { saga } = await ask(admin, call, endpoint);
      return saga === undefined ? 'unknown' : { service: endpoint.service, saga };
    } catch (thrown) {
      const error = MeshError.from(thrown);
      if (error.reason === 'SAGA_NOT_FOUND') return 'unknown';
      if (error.status === 'FAILED_PRECONDITION') return { refused: error };
      throw thrown;
    }
  };
}
