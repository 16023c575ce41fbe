import type { IncomingHttpHeaders } from 'node:http';
import type { DescMethod } from '@bufbuild/protobuf';
import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { encodeDetails, fitHeader } from '../../schema/details.ts';
import { metadataOf, withPatience } from '../call-options.ts';
import type { Caller } from '../caller.ts';
import type { EdgeRequest } from '../edge-request.ts';
import type { Exchange } from '../exchange.ts';
import type { Protocol } from '../protocol.ts';
import { fromText, messageFrame, readFrames, trailerFrame } from './frames.ts';

export interface GrpcWebOptions {
  /** The methods that may be called from outside, by "package.Service/Method". */
  readonly methods: ReadonlyMap<string, DescMethod>;
  readonly caller: Caller;
  readonly clock: Clock;
}

const binary = 'application/grpc-web';
const text = 'application/grpc-web-text';

/**
 * gRPC for browsers (grpc/doc/PROTOCOL-WEB.md): unary calls and server streams, binary or as text. Messages are
 * passed on as bytes.
 */
export function createGrpcWeb(options: GrpcWebOptions): Protocol {
  return (request, exchange) => {
    const form = formOf(request.headers);
    if (form === undefined) return undefined;
    return serve(request, exchange, { ...options, isText: form === text });
  };
}

/** Which of the two forms a request has; undefined: it is none of gRPC-Web's. */
export function formOf(headers: IncomingHttpHeaders): typeof binary | typeof text | undefined {
  const type = (headers['content-type'] ?? '').replace(/;.*$/, '').trim();
  if (!/^application\/grpc-web(-text)?(\+proto)?$/.test(type)) return undefined;
  return type.startsWith(text) ? text : binary;
}

interface Form extends GrpcWebOptions {
  readonly isText: boolean;
}

async function serve(request: EdgeRequest, exchange: Exchange, form: Form): Promise<void> {
  const { methods, caller, clock, isText } = form;
  let trailers = trailersOf(undefined);
  try {
    const method = methodOf(request, methods);
    exchange.routed(request.url.pathname);
    const body = await exchange.body();
    const messages = readFrames(isText ? fromText(body) : body);
    if (messages.length !== 1) throw wrongCount(messages.length);
    const options = { metadata: metadataOf(request) };
    await withPatience(request, clock, async () => {
      if (method.methodKind === 'unary') {
        const answer = await caller.unary(method, messages, options);
        await write(exchange, messageFrame(answer), isText);
        return;
      }
      for await (const answer of caller.stream(method, messages, options)) {
        await write(exchange, messageFrame(answer), isText);
      }
    });
  } catch (thrown) {
    if (exchange.signal.aborted) throw thrown;
    trailers = trailersOf(MeshError.from(thrown));
  }
  await write(exchange, trailerFrame(trailers), isText);
  exchange.end();
}

/** A refusal of the edge itself in the words of gRPC-Web. */
export async function refuseGrpcWeb(
  error: MeshError,
  headers: IncomingHttpHeaders,
  exchange: Exchange,
): Promise<void> {
  await write(exchange, trailerFrame(trailersOf(error)), formOf(headers) === text);
  exchange.end();
}

function methodOf(request: EdgeRequest, methods: GrpcWebOptions['methods']): DescMethod {
  const name = request.url.pathname.slice(1);
  const method = methods.get(name);
  if (method === undefined) {
    throw new MeshError(`there is no ${name} for the outside`, {
      ...{ status: 'UNIMPLEMENTED', reason: 'UNKNOWN_METHOD' },
    });
  }
  if (method.methodKind === 'unary' || method.methodKind === 'server_streaming') return method;
  throw new MeshError(`${name} takes a stream, which gRPC-Web cannot send; use REST or gRPC`, {
    ...{ status: 'UNIMPLEMENTED', reason: 'CLIENT_STREAM' },
  });
}

async function write(exchange: Exchange, frame: Buffer, isText: boolean): Promise<void> {
  if (!exchange.begun) {
    const type = isText ? text : binary;
    exchange.open(200, { 'content-type': `${type}+proto`, 'cache-control': 'no-store' });
  }
  await exchange.write(isText ? frame.toString('base64') : frame);
}

function trailersOf(error: MeshError | undefined): Record<string, string> {
  if (error === undefined) return { 'grpc-status': '0' };
  const details = Buffer.from(encodeDetails(error)).toString('base64').replace(/=+$/, '');
  return {
    'grpc-status': String(error.code),
    'grpc-message': encodeURI(fitHeader(error.rawMessage)),
    ...(details !== '' && { 'grpc-status-details-bin': details }),
  };
}

function wrongCount(count: number): MeshError {
  return new MeshError(`this method takes one message; the body holds ${count}`, {
    ...{ status: 'INVALID_ARGUMENT', reason: 'ONE_REQUEST' },
  });
}
