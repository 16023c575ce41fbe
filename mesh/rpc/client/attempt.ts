import type { Outcome } from '../../balance/peer.ts';
import type { Call, StreamCall } from '../../kernel/call.ts';
import { addressOf } from '../../kernel/endpoint.ts';
import { MeshError } from '../../kernel/error.ts';
import { verdictOf } from '../../resilience/failure.ts';
import { neverReached } from '../../resilience/unreached.ts';
import { type ClientContext, clientContext } from './context.ts';
import type { Endpoints, Lent } from './endpoints.ts';

/** One attempt of a unary call: takes an endpoint, sends the call there, tells the balancer how it went. */
export function attemptCall(endpoints: Endpoints): Call {
  return async (request, context) => {
    const own = clientContext(context);
    const lent = await acquire(endpoints, own);
    try {
      const response = await lent.connection.unary(own.method, request, own);
      lent.pick.done({ ok: true, status: 'OK' });
      return response;
    } catch (thrown) {
      throw failed(lent, own, thrown, true);
    }
  };
}

/** The same for a stream, which holds its endpoint until it ends. */
export function attemptStream(endpoints: Endpoints): StreamCall {
  return async function* (requests, context) {
    const own = clientContext(context);
    const lent = await acquire(endpoints, own);
    // How it ends when its reader leaves.
    let outcome: Outcome = { ok: true, status: 'CANCELLED', timed: false };
    try {
      for await (const message of lent.connection.stream(own.method, requests, own)) {
        lent.pick.answered();
        yield message;
      }
      outcome = { ok: true, status: 'OK', timed: false };
    } catch (thrown) {
      throw failed(lent, own, thrown, false);
    } finally {
      lent.pick.done(outcome);
    }
  };
}

async function acquire(endpoints: Endpoints, context: ClientContext): Promise<Lent> {
  const lent = await endpoints.acquire(context);
  context.report.attempts = context.attempt;
  context.report.peer = addressOf(lent.pick.endpoint);
  return lent;
}

/** Gives the endpoint back with its failure, and keeps the next attempt away from it. */
function failed(lent: Lent, context: ClientContext, thrown: unknown, timed: boolean): MeshError {
  const error = MeshError.from(thrown);
  const ok = verdictOf(error) !== 'failure';
  lent.pick.done({ ok, status: error.status, refused: neverReached(error), timed });
  context.report.failed.add(lent.pick.endpoint.instanceId);
  return error;
}
