import { MeshError } from '../../kernel/error.ts';
import type { Guard } from '../../resilience/guard.ts';
import type { Open, StreamEnd } from './opened.ts';

/** Puts the target's breaker and bulkhead before each stream. */
export function guarded(guard: Guard): (next: Open) => Open {
  return (next) => async (requests, context) => {
    const held = guard.stream();
    try {
      const opened = await next(requests, context);
      if (opened.first.done !== true) held.answered();
      return {
        ...opened,
        ended(end) {
          const error = opened.ended(end);
          held.ended(verdictOn(end, error));
          return error;
        },
      };
    } catch (thrown) {
      held.ended(MeshError.from(thrown));
      throw thrown;
    }
  };
}

function verdictOn({ how }: StreamEnd, error: MeshError | undefined): MeshError | undefined {
  // A reader that leaves says nothing of the target.
  return how === 'left' ? new MeshError('', { status: 'CANCELLED' }) : error;
}
