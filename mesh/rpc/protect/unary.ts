import type { ClientUnaryCall } from '@grpc/grpc-js';
import type { EffectiveMethodPolicy } from '../../config/defaults.ts';
import type { Clock } from '../../kernel/clock.ts';
import { currentContext } from '../../kernel/context.ts';
import type { Random } from '../../kernel/random.ts';
import { beginCall, nameOf } from '../client/context.ts';
import { endingWithFirst } from '../client/ending.ts';
import type { ClientCall } from '../client/unary.ts';
import type { Method } from '../transport.ts';
import type { GeneratedCall } from './channel-route.ts';
import type { Callback, GeneratedMethod, Given } from './given.ts';
import { createSurface } from './surface.ts';

interface UnaryParts {
  readonly clock: Clock;
  readonly random: Random;
  /** What stands for the method when a call begins. */
  readonly policy: () => EffectiveMethodPolicy;
}

/** A unary method whose calls go through `call`. */
export function protectedUnary(
  invoke: GeneratedMethod,
  method: Method,
  call: ClientCall,
  { clock, random, policy }: UnaryParts,
): (given: Given, callback: Callback) => ClientUnaryCall {
  return (given, callback) => {
    const parent = currentContext();
    const surface = createSurface(callback);
    const sources = [parent.cancellation ?? parent.signal, surface.signal];
    const { cancellation, release } = endingWithFirst(sources, nameOf({ method }));
    const { deadline } = given.options;
    const options = deadline === undefined ? {} : { timeoutMs: Number(deadline) - clock.now() };
    const context = beginCall(
      method,
      { cancellation },
      { parent, options, policy: policy(), destination: 0, clock, random },
    );
    const generated: GeneratedCall = { invoke, given, surface };
    call(generated, context).finally(release).then(surface.succeed, surface.fail);
    return surface.call;
  };
}
