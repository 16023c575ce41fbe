import {
  type ClientUnaryCall,
  status as codes,
  InterceptingCall,
  type Interceptor,
  type StatusObject,
} from '@grpc/grpc-js';
import type { EffectiveMethodPolicy } from '../../config/defaults.ts';
import type { Clock } from '../../kernel/clock.ts';
import { currentContext } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Random } from '../../kernel/random.ts';
import { statusName } from '../../kernel/status.ts';
import type { Guard, StreamGuard } from '../../resilience/guard.ts';
import type { ClientMeter } from '../../telemetry/rpc-metrics.ts';
import { beginCall, type ClientContext } from '../client/context.ts';
import type { Observer } from '../client/observe.ts';
import { factsOf } from '../plain/outcome.ts';
import { toMeshError, toStatus } from '../status.ts';
import type { Method } from '../transport.ts';
import { argumentsOf, carry, type GeneratedMethod, type Given } from './given.ts';

interface StreamParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly guard: Guard;
  readonly meter: ClientMeter;
  readonly observer: Observer;
  /** What stands for the method when a call begins. */
  readonly policy: () => EffectiveMethodPolicy;
}

/**
 * A streaming method behind the guard: refused at once when that is what the guard says, else made as it
 * was, holding its slot until it ends. It is not retried, for its caller holds the very stream; and its
 * messages are not counted in bytes, for they pass by.
 */
export function protectedStream(
  invoke: GeneratedMethod,
  method: Method,
  parts: StreamParts,
): (given: Given) => unknown {
  const { clock, random, guard, observer, policy } = parts;
  return (given) => {
    const parent = currentContext();
    const beginning = { parent, options: {}, policy: policy(), destination: 0, clock, random };
    const context = beginCall(method, {}, beginning);
    observer.started();
    let held: StreamGuard;
    try {
      held = guard.stream();
    } catch (thrown) {
      const error = MeshError.from(thrown);
      observer.ended(context, error.status, clock.monotonic(), error);
      const interceptors = [refusing(toStatus(error))];
      return invoke(...argumentsOf({ ...given, options: { ...given.options, interceptors } }));
    }
    const call = invoke(...argumentsOf(traced(given, context))) as ClientUnaryCall;
    watch(call, context, held, parts);
    return call;
  };
}

/** Tells guard, metrics and spans of the one attempt that a stream is. */
function watch(
  call: ClientUnaryCall,
  context: ClientContext,
  held: StreamGuard,
  { clock, meter, observer }: StreamParts,
): void {
  const { report, method, startMs } = context;
  report.attempts = 1;
  meter.attemptStarted();
  // Not the messages: a listener for those would start the stream before its reader is there.
  call.on('metadata', () => {
    held.answered();
  });
  call.on('status', (status: StatusObject) => {
    report.peer = call.getPeer();
    const facts = factsOf(method, report.peer, 1);
    const error = status.code === codes.OK ? undefined : toMeshError(status, facts);
    held.ended(error);
    const nowMs = clock.monotonic();
    const name = statusName(status.code);
    meter.attemptEnded(name, nowMs - startMs, 'plain', 0, 0);
    observer.ended(context, name, nowMs, error);
  });
}

/** As given, with the trace of this call. */
function traced(given: Given, context: ClientContext): Given {
  const metadata = given.metadata.clone();
  carry(context, metadata);
  return { ...given, metadata };
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
