import {
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import type { Clock } from '../../kernel/clock.ts';
import { sentStatus } from '../grpc-internals.ts';
import type { Observer } from './observe.ts';

interface Described {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

/**
 * Observes server streams that end before their handler is called: grpc-js first waits for the one request,
 * and what it refuses until then (too large, none, two) it answers without a word to anybody. The other two
 * kinds of stream begin with their headers, and are observed by their stack from then on.
 */
export function observeUnbegun(
  observers: ReadonlyMap<string, Observer>,
  clock: Clock,
): ServerInterceptor {
  const watch = (
    { path, requestStream, responseStream }: Described,
    call: ServerInterceptingCallInterface,
  ): ServerInterceptingCallInterface => {
    const observer = observers.get(path);
    if (observer === undefined || requestStream || !responseStream) return call;
    return watched(call, observer, clock);
  };
  // Declared to give the class, but grpc-js asks for the interface only.
  return watch as unknown as ServerInterceptor;
}

function watched(
  call: ServerInterceptingCallInterface,
  observer: Observer,
  clock: Clock,
): ServerInterceptingCallInterface {
  const begun = clock.monotonic();
  let messages = 0;
  let handled = false;
  return new ServerInterceptingCall(call, {
    start(next) {
      next({
        onReceiveMessage(message, pass) {
          messages++;
          pass(message);
        },
        onReceiveHalfClose(pass) {
          handled = messages === 1;
          pass();
        },
        onCancel() {
          if (!handled) observer.refused(sentStatus(call)?.status ?? 'CANCELLED', begun);
        },
      });
    },
  });
}
