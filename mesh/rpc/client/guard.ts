import type { StreamLayer } from '../../kernel/call.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Guard } from '../../resilience/guard.ts';

/** Puts the target's breaker and bulkhead before each stream. */
export function guardStream(guard: Guard): StreamLayer {
  return (next) =>
    async function* (requests, context) {
      const held = guard.stream();
      // A reader that leaves says nothing of the target.
      let error: MeshError | undefined = new MeshError('', { status: 'CANCELLED' });
      try {
        for await (const message of next(requests, context)) {
          held.answered();
          yield message;
        }
        error = undefined;
      } catch (thrown) {
        error = MeshError.from(thrown);
        throw thrown;
      } finally {
        held.ended(error);
      }
    };
}
