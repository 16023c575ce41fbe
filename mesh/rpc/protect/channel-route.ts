import type { Client, ClientUnaryCall } from '@grpc/grpc-js';
import type { Clock } from '../../kernel/clock.ts';
import { remainingMs } from '../../kernel/deadline.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Lent, Route } from '../client/route.ts';
import { factsOf, wireError } from '../plain/outcome.ts';
import { givenUp, onGivenUp } from '../signals.ts';
import type { AttemptContext, Connection, Method } from '../transport.ts';
import { argumentsOf, type Callback, carry, type GeneratedMethod, type Given } from './given.ts';
import type { Surface } from './surface.ts';

/** One call of a generated unary method: what goes through the client stack in place of a request. */
export interface GeneratedCall {
  readonly invoke: GeneratedMethod;
  readonly given: Given;
  readonly surface: Surface;
}

/** The channel of a generated client as the one endpoint there is: an attempt is a call of the method as it was. */
export function channelRoute(client: Client, clock: Clock): Route {
  const target = client.getChannel().getTarget();
  const connection: Pick<Connection, 'unary' | 'stream'> = {
    // What comes back is handed to the caller's callback, whose type is the generated one.
    unary: (method, request, context) =>
      send(request as GeneratedCall, context, method) as Promise<never>,
    stream({ path }) {
      throw new MeshError(`${path}: streams go past the route`, { status: 'INTERNAL' });
    },
  };

  function send(
    { invoke, given, surface }: GeneratedCall,
    context: AttemptContext,
    method: Method,
  ): Promise<unknown> {
    const facts = factsOf(method, target, context.attempt);
    return new Promise((resolve, reject) => {
      const callback: Callback = (error, response) => {
        forget();
        if (error === null) resolve(response);
        else reject(givenUp(context) ?? wireError(error, facts, at()));
      };
      const at = (): { peer: string; target: string } => ({ peer: attempt.getPeer(), target });
      const args = argumentsOf({ ...sent(given, context, clock), callback });
      const attempt = invoke(...args) as ClientUnaryCall;
      const forget = onGivenUp(context, () => {
        attempt.cancel();
      });
      surface.show(attempt);
    });
  }

  const nothing = (): void => undefined;
  const lent: Lent = {
    endpoint: { instanceId: target },
    resource: { connection, address: target, transport: 'plain' },
    answered: nothing,
    done: nothing,
  };
  return {
    draw: () => 0,
    timeoutMsAt: () => undefined,
    take: () => lent,
    hasOther: () => false,
    takeLater: () => Promise.resolve(lent),
  };
}

/** What one attempt sends: as given, with deadline, trace and number of this attempt. */
function sent(given: Given, context: AttemptContext, clock: Clock): Given {
  const metadata = given.metadata.clone();
  carry(context, metadata);
  if (context.attempt > 1) {
    metadata.set('grpc-previous-rpc-attempts', String(context.attempt - 1));
  }
  const deadline = context.deadline && clock.now() + remainingMs(context.deadline, clock);
  return { ...given, metadata, options: { ...given.options, ...(deadline && { deadline }) } };
}
