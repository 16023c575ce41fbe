import type { Client, ClientUnaryCall } from '@grpc/grpc-js';
import type { Call, CallContext } from '../../kernel/call.ts';
import type { Clock } from '../../kernel/clock.ts';
import { currentContext, formatTraceparent } from '../../kernel/context.ts';
import { remainingMs } from '../../kernel/deadline.ts';
import { beginCall, clientContext } from '../client/context.ts';
import type { Policy } from '../client/policy.ts';
import { abortedError, factsOf, wireError } from '../plain/outcome.ts';
import { linkSignals, onAbort } from '../signals.ts';
import type { Method } from '../transport.ts';
import { argumentsOf, type Callback, type GeneratedMethod, type Given } from './given.ts';
import { createSurface, type Surface } from './surface.ts';

/** One call of a generated unary method: what the client stack carries in place of a request. */
interface GeneratedCall {
  readonly invoke: GeneratedMethod;
  readonly given: Given;
  readonly surface: Surface;
}

/** The end of the client stack for a generated client: an attempt is a call of the method as it was. */
export function generatedAttempt(client: Client, clock: Clock): Call {
  const target = client.getChannel().getTarget();
  return (call, context) => {
    const { invoke, given, surface } = call as GeneratedCall;
    const { method, report } = clientContext(context);
    const facts = factsOf(method, target, context.attempt);
    report.attempts = context.attempt;
    report.peer = target;
    return new Promise((resolve, reject) => {
      const callback: Callback = (error, response) => {
        forget();
        if (error === null) resolve(response);
        else reject(abortedError(facts, context) ?? wireError(error, facts, at()));
      };
      const at = (): { peer: string; target: string } => ({ peer: attempt.getPeer(), target });
      const args = argumentsOf({ ...sent(given, context, clock), callback });
      const attempt = invoke(...args) as ClientUnaryCall;
      const forget = onAbort(context.signal, () => {
        attempt.cancel();
      });
      surface.show(attempt);
    });
  };
}

/** A unary method whose calls go through `stack`. */
export function protectedUnary(
  invoke: GeneratedMethod,
  method: Method,
  stack: Call,
  { clock, random }: Policy,
): (given: Given, callback: Callback) => ClientUnaryCall {
  return (given, callback) => {
    const parent = currentContext();
    const surface = createSurface(callback);
    const { signal, release } = linkSignals(parent.signal, surface.signal);
    const { deadline } = given.options;
    const options = deadline === undefined ? {} : { timeoutMs: Number(deadline) - clock.now() };
    const context = beginCall(method, { signal }, { parent, options, random });
    const call: GeneratedCall = { invoke, given, surface };
    stack(call, context).finally(release).then(surface.succeed, surface.fail);
    return surface.call;
  };
}

/** What one attempt sends: as given, with deadline, trace and number of this attempt. */
function sent(given: Given, context: CallContext, clock: Clock): Given {
  const metadata = given.metadata.clone();
  metadata.set('traceparent', formatTraceparent(context.trace));
  if (context.attempt > 1) {
    metadata.set('grpc-previous-rpc-attempts', String(context.attempt - 1));
  }
  const deadline = context.deadline && clock.now() + remainingMs(context.deadline, clock);
  return { ...given, metadata, options: { ...given.options, ...(deadline && { deadline }) } };
}
