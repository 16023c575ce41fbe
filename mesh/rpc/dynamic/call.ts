import type { JsonValue } from '@bufbuild/protobuf';
import { Client, type ClientDuplexStream } from '@grpc/grpc-js';
import type { Metadata } from '../../kernel/call.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { cutOff } from '../cut-off.ts';
import { toGrpcMetadata } from '../metadata.ts';
import { type ChannelSecured, insecure } from '../mtls/channel.ts';
import { onAbort } from '../signals.ts';
import { type DynamicMethod, loadMethod, parseMethod } from './method.ts';
import { type RemoteSchema, readSchema } from './schema.ts';
import { wireError } from './wire-error.ts';

export interface DynamicCall {
  /** "host:port". */
  readonly address: string;
  /** How it is reached. Default: without TLS. */
  readonly secured?: ChannelSecured | undefined;
  /** "shop.orders.v1.OrdersService/PlaceOrder". */
  readonly method: string;
  /**
   * The requests as proto3 JSON; field names in either spelling. One for a method that takes one. Default:
   * the empty one, or none for a method that takes a stream.
   */
  readonly messages?: AsyncIterable<unknown> | Iterable<unknown>;
  readonly metadata?: Metadata;
  /** Default: 10 000 ms for unary methods, none for streams. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

type Stream = ClientDuplexStream<object, object>;

/**
 * Calls a method of which nothing but the name is known: its contract is asked of the server. Yields the
 * responses as proto3 JSON, unset fields with their defaults. Throws INVALID_ARGUMENT / INVALID_JSON for a
 * request that is no such message, UNIMPLEMENTED for a method that there is not, and what the call ends with.
 */
export async function* callDynamic(options: DynamicCall): AsyncGenerator<JsonValue> {
  const { service, method } = parseMethod(options.method);
  const schema = await schemaOf(service, options);
  const { desc, definition, bridge } = loadMethod(schema, options.method);
  const { address, secured = insecure } = options;
  const client = new Client(address, secured.credentials, secured.options);
  try {
    const messages = asAsync(options.messages ?? (definition.requestStream ? [] : [{}]));
    const requests = definition.requestStream ? messages : one(messages, options.method);
    const objects = convert(requests, (json) => bridge.toLoader(desc.input, json));
    const call = begin(client, definition, options);
    for await (const response of exchange(call, objects, options.signal)) {
      yield bridge.fromLoader(desc.output, response);
    }
  } catch (thrown) {
    throw wireError(thrown, { service, method, endpoint: options.address });
  } finally {
    client.close();
  }
}

async function schemaOf(service: string, options: DynamicCall): Promise<RemoteSchema> {
  const { address, secured, signal, clock } = options;
  const common = { address, secured, ...(signal && { signal }), ...(clock && { clock }) };
  try {
    return await readSchema({ ...common, symbol: service });
  } catch (thrown) {
    if (MeshError.from(thrown).reason !== 'UNKNOWN_SYMBOL') throw thrown;
    // Asked again without the name, so that the error can say what there is.
    return readSchema(common);
  }
}

/**
 * On the wire the four kinds differ only in how many messages go each way; the most general shape of
 * grpc-js's client makes them all.
 */
function begin(
  client: Client,
  definition: DynamicMethod['definition'],
  { metadata = {}, timeoutMs, clock = systemClock }: DynamicCall,
): Stream {
  const isUnary = !definition.requestStream && !definition.responseStream;
  const ms = timeoutMs ?? (isUnary ? 10_000 : undefined);
  return client.makeBidiStreamRequest(
    definition.path,
    (request) => (request === cutOff ? cutOff : definition.requestSerialize(request)),
    definition.responseDeserialize,
    toGrpcMetadata(metadata),
    ms === undefined ? {} : { deadline: clock.now() + ms },
  );
}

/** Sends and reads at the same time; a request that cannot be made ends the call with its own error. */
async function* exchange(
  call: Stream,
  requests: AsyncIterable<object>,
  signal: AbortSignal | undefined,
): AsyncGenerator<object> {
  let broken: MeshError | undefined;
  const release = onAbort(signal, () => {
    call.cancel();
  });
  sendAll(call, requests).catch(async (thrown: unknown) => {
    broken = MeshError.from(thrown);
    await send(call, cutOff);
    call.cancel();
  });
  try {
    for await (const response of call as AsyncIterable<object>) yield response;
    if (broken !== undefined) throw broken;
  } catch (thrown) {
    // What was wrong with a request says more than the failure that followed from it.
    throw broken ?? thrown;
  } finally {
    release();
    call.cancel();
  }
}

async function sendAll(call: Stream, requests: AsyncIterable<object>): Promise<void> {
  for await (const request of requests) {
    if (call.destroyed) return;
    await send(call, request);
  }
  call.end();
}

/** Resolves when the message has left, or the call has ended: grpc-js then forgets the callback. */
function send(call: Stream, request: object): Promise<void> {
  return new Promise((resolve) => {
    const sent = (): void => {
      call.off('close', sent);
      resolve();
    };
    call.once('close', sent);
    call.write(request, sent);
  });
}

async function* asAsync(messages: NonNullable<DynamicCall['messages']>): AsyncGenerator {
  yield* messages;
}

async function* convert<A, B>(items: AsyncIterable<A>, to: (item: A) => B): AsyncGenerator<B> {
  for await (const item of items) yield to(item);
}

/** Exactly one, and nothing is sent before that is known: a call that was begun may take effect. */
async function* one(messages: AsyncIterable<unknown>, method: string): AsyncGenerator {
  const all: unknown[] = [];
  for await (const message of messages) {
    all.push(message);
    if (all.length > 1) throw wrongCount(method, 'more than one was given');
  }
  if (all.length === 0) throw wrongCount(method, 'none was given; {} is the empty one');
  yield* all;
}

function wrongCount(method: string, what: string): MeshError {
  return new MeshError(`${method} takes one request: ${what}`, {
    status: 'INVALID_ARGUMENT',
    reason: 'ONE_REQUEST',
  });
}
