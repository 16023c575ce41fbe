import { EventEmitter } from 'node:events';
import type { ClientUnaryCall, StatusObject } from '@grpc/grpc-js';
import { MeshError } from '../../kernel/error.ts';
import { toStatus } from '../status.ts';
import type { Callback } from './given.ts';
import { serviceErrorOf } from './service-error.ts';

/** What the caller of a unary method holds: one call to it, however many attempts there are behind it. */
export interface Surface {
  /** The object that grpc-js would have returned. */
  readonly call: ClientUnaryCall;
  /** Aborts when the caller cancels. */
  readonly signal: AbortSignal;
  /** The attempt that is under way: its events and its peer are shown as those of the call. */
  show(attempt: ClientUnaryCall): void;
  succeed(response: unknown): void;
  fail(thrown: unknown): void;
}

export function createSurface(callback: Callback): Surface {
  const events = new EventEmitter();
  const controller = new AbortController();
  let shown: ClientUnaryCall | undefined;
  let last: StatusObject | undefined;

  // A callback that throws must end as it does with grpc-js, as an uncaught exception and not in a promise.
  const tell = (run: () => void): void => {
    process.nextTick(run);
  };

  return {
    call: Object.assign(events, {
      cancel() {
        const text = 'Cancelled on client';
        controller.abort(
          new MeshError(text, { status: 'CANCELLED', reason: 'CANCELLED_BY_CALLER' }),
        );
      },
      getPeer: () => shown?.getPeer() ?? 'unknown',
      getAuthContext: () => shown?.getAuthContext() ?? null,
    }),
    signal: controller.signal,
    show(attempt) {
      shown = attempt;
      attempt.on('metadata', (metadata) => events.emit('metadata', metadata));
      attempt.on('status', (status) => {
        last = status;
      });
    },
    succeed(response) {
      tell(() => {
        callback(null, response);
        events.emit('status', last);
      });
    },
    fail(thrown) {
      const error = MeshError.from(thrown);
      tell(() => {
        callback(serviceErrorOf(error));
        events.emit('status', Number(last?.code) === error.code ? last : toStatus(error));
      });
    },
  };
}
