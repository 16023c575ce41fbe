import { type Caller, certificateRefused } from '../../identity/caller.ts';
import type { Intentions, Verdict } from '../../identity/intentions.ts';
import type { SpiffeId } from '../../identity/spiffe.ts';
import type { MethodInfo } from '../../kernel/call.ts';
import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { noCaller } from './peer.ts';

/** A call that was refused because of who made it. */
export interface RefusedCaller {
  /** Of the error, as "INTENTION_DENIED". */
  readonly reason: string;
  /** The service that called; undefined if nobody has proven to be one. */
  readonly caller: string | undefined;
  /** The whole name of the caller. */
  readonly uri: string | undefined;
  /** As "shop.payments.v1.PaymentsService/Charge"; undefined for a stranger, whose calls are not read. */
  readonly method: string | undefined;
  readonly error: MeshError;
}

export interface AuthorizeOptions {
  readonly own: () => SpiffeId;
  /** Undefined: whoever has a certificate of the mesh may call. */
  readonly intentions: Intentions | undefined;
  readonly clock: Clock;
  readonly onRefused: (refused: RefusedCaller) => void;
}

/** Throws unless `caller` may call `method`. */
export type Authorize = (call: {
  readonly caller?: Caller | undefined;
  readonly method: MethodInfo;
}) => void;

/**
 * Decides for each call, whatever it came on: the certificate of a connection is judged once, but it ends while the
 * connection lasts, and intentions change.
 */
export function createAuthorize(options: AuthorizeOptions): Authorize {
  const { own, intentions, clock, onRefused } = options;
  return ({ caller, method }) => {
    const error = refusalOf(caller, method);
    if (error === undefined) return;
    onRefused({
      reason: error.reason ?? error.status,
      caller: caller?.id.service,
      uri: caller?.id.uri,
      method: method.path.slice(1),
      error,
    });
    throw error;
  };

  function refusalOf(caller: Caller | undefined, method: MethodInfo): MeshError | undefined {
    if (caller === undefined) return noCaller();
    if (clock.now() >= caller.notAfterMs) {
      const at = new Date(caller.notAfterMs).toISOString();
      return certificateRefused(`it ended at ${at}, after the connection was made; connect anew`);
    }
    const verdict = intentions?.verdict(caller.id, method.path);
    return verdict === undefined || verdict.allowed ? undefined : denied(caller, method, verdict);
  }

  function denied({ id }: Caller, method: MethodInfo, { because, remedy }: Verdict): MeshError {
    const { service } = own();
    return new MeshError(
      `${id.service} may not call ${method.path.slice(1)} of ${service}: ${because}; to allow it: ${remedy}`,
      {
        status: 'PERMISSION_DENIED',
        reason: 'INTENTION_DENIED',
        details: { facts: { caller: id.uri, callee: service } },
      },
    );
  }
}
