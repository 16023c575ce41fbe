/** The contract's two calls: an answer that needs the external resource, and what makes it fail. */
import {
  type BehaveRequest,
  Behavior as BehaviorMessage,
  type CServiceDefinition,
} from '#gen/chain/c/v1/c.ts';
import { type Implementation, type Log, MeshError } from '#mesh';
import type { Behavior, External } from './external.ts';

export interface CServiceOptions {
  readonly external: External;
  /** Whom callers see in `via`. */
  readonly instance: string;
  readonly log: Log;
}

/** chain.c.v1.CService. */
export function cService({
  external,
  instance,
  log,
}: CServiceOptions): Implementation<CServiceDefinition> {
  return {
    async ask({ question }, { signal }) {
      await external.ask(signal);
      return { answer: `C has heard "${question}"`, via: [instance] };
    },

    async behave(request) {
      const behavior = behaviorOf(request);
      external.behave(behavior);
      log.info('told how to be', { ...behavior, behavior: behavior.name });
      return {};
    },
  };
}

function behaviorOf({ behavior, delayMs }: BehaveRequest): Behavior {
  switch (behavior) {
    case BehaviorMessage.WELL:
      return { name: 'well' };
    case BehaviorMessage.SLOW:
      return { name: 'slow', delayMs };
    case BehaviorMessage.HANG:
      return { name: 'hang' };
    case BehaviorMessage.CRASH:
      return { name: 'crash' };
    default:
      // As from a newer caller: the number passed the schema's rules, and says nothing here.
      throw MeshError.invalid('this behaviour is not known', [
        { field: 'behavior', description: `must be 1 to 4, received ${String(behavior)}` },
      ]);
  }
}
