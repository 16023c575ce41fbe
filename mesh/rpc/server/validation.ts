import type { Layer, StreamLayer } from '../../kernel/call.ts';
import { MeshError } from '../../kernel/error.ts';
import type { MessageCheck } from '../../schema/validate.ts';

/** Refuses messages that break the rules of the schema, with every field at fault (google.rpc.BadRequest). */
export function validationLayers(check: MessageCheck): { call: Layer; stream: StreamLayer } {
  function validated<T>(message: T): T {
    if (typeof message !== 'object' || message === null) return message;
    const violations = check(message);
    if (violations.length === 0) return message;
    throw MeshError.invalid('the message breaks rules of the schema', violations);
  }

  return {
    call: (next) => (request, context) => next(validated(request), context),
    stream: (next) => (requests, context) => next(validatedEach(requests), context),
  };

  async function* validatedEach<T>(messages: AsyncIterable<T>): AsyncGenerator<T> {
    for await (const message of messages) yield validated(message);
  }
}
