import {
  type ClientUnaryCall,
  status as codes,
  InterceptingCall,
  type Interceptor,
  type StatusObject,
} from '@grpc/grpc-js';
import { MeshError } from '../../kernel/error.ts';
import type { Guard } from '../../resilience/guard.ts';
import { factsOf } from '../plain/outcome.ts';
import { toMeshError, toStatus } from '../status.ts';
import type { Method } from '../transport.ts';
import { argumentsOf, type GeneratedMethod, type Given } from './given.ts';

/**
 * A streaming method behind the guard: refused at once when that is what the guard says, else made as it
 * was, holding its slot until it ends. It is not retried, for its caller holds the very stream.
 */
export function protectedStream(
  invoke: GeneratedMethod,
  method: Method,
  guard: Guard,
): (given: Given) => unknown {
  return (given) => {
    let held: ReturnType<Guard['stream']>;
    try {
      held = guard.stream();
    } catch (thrown) {
      const interceptors = [refusing(toStatus(MeshError.from(thrown)))];
      return invoke(...argumentsOf({ ...given, options: { ...given.options, interceptors } }));
    }
    const call = invoke(...argumentsOf(given)) as ClientUnaryCall;
    // Not the messages: a listener for those would start the stream before its reader is there.
    call.on('metadata', () => {
      held.answered();
    });
    call.on('status', (status: StatusObject) => {
      const facts = factsOf(method, call.getPeer(), 1);
      held.ended(status.code === codes.OK ? undefined : toMeshError(status, facts));
    });
    return call;
  };
}

/** Ends a call with `status` before it begins; the channel hears nothing of it. */
function refusing(status: StatusObject): Interceptor {
  const nothing = (): void => undefined;
  return () =>
    new InterceptingCall({
      cancelWithStatus: nothing,
      getPeer: () => 'unknown',
      getAuthContext: () => null,
      start(_metadata, listener) {
        process.nextTick(() => {
          listener?.onReceiveStatus?.(status);
        });
      },
      sendMessageWithContext(context) {
        context.callback?.();
      },
      sendMessage: nothing,
      startRead: nothing,
      halfClose: nothing,
    });
}
