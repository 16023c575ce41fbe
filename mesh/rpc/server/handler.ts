import type { CallKind, StreamCall } from '../../kernel/call.ts';
import { runInContext } from '../../kernel/context.ts';
import { type ServerContext, serverContext } from './call.ts';
import type { HandlerContext } from './implementation.ts';
import { interruptible } from './interruptible.ts';

/** A handler whose types have been checked by Implementation<D> and are gone at run time. */
export type AnyHandler = (input: unknown, context: HandlerContext) => unknown;

/** The innermost call of a stream: the handler; a single message is a stream of one. */
export function handlerStream(kind: Exclude<CallKind, 'unary'>, handler: AnyHandler): StreamCall {
  switch (kind) {
    case 'bidi':
      return (requests, context) => run(requests, serverContext(context), handler);
    case 'server-stream':
      return async function* (requests, context) {
        for await (const request of requests) yield* run(request, serverContext(context), handler);
      };
    case 'client-stream':
      return (requests, context) =>
        run(requests, serverContext(context), async function* (input, own) {
          yield await handler(input, own);
        });
  }
}

function run(
  input: unknown,
  context: ServerContext,
  handler: AnyHandler,
): AsyncGenerator<unknown, void, undefined> {
  const enter = <R>(step: () => R): R => runInContext(context, step);
  const output = enter(() => handler(input, context));
  if (!isAsyncIterable(output)) {
    const { service, name } = context.method;
    throw new TypeError(`the handler of ${service}/${name} did not return an async iterable`);
  }
  return interruptible(output, context.scope, enter);
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
