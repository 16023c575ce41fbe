import type { DescMethod, DescService } from '@bufbuild/protobuf';
import type { CallOptions, Client } from '../rpc/client/client.ts';
import type { ServiceDefinition } from '../schema/definition.ts';
import { byteService } from './byte-service.ts';

/** Calls of the mesh by method, with messages as bytes; every policy of weft's clients holds for them. */
export interface Caller {
  /** One message, or the messages of a client's stream, for one. */
  unary(
    method: DescMethod,
    requests: readonly Uint8Array[],
    options: CallOptions,
  ): Promise<Uint8Array>;
  /** The same for a stream. */
  stream(
    method: DescMethod,
    requests: readonly Uint8Array[],
    options: CallOptions,
  ): AsyncIterable<Uint8Array>;
}

/** How a client of a service is made; `tools.client` of an application is one. */
export type MakeClient = (definition: ServiceDefinition) => Client<ServiceDefinition>;

type Method = (input: unknown, options: CallOptions) => unknown;

/** Clients are made when they are first needed: a gateway that shows forty services does not watch forty. */
export function createCaller(client: MakeClient): Caller {
  const clients = new Map<DescService, Readonly<Record<string, Method>>>();

  function begin(
    method: DescMethod,
    requests: readonly Uint8Array[],
    options: CallOptions,
  ): unknown {
    const { parent, localName, methodKind } = method;
    const stub =
      clients.get(parent) ??
      // Functions of a stub have the types of the definition, which here is known at run time only.
      client(byteService(parent));
    clients.set(parent, stub);
    const takesMany = methodKind === 'client_streaming' || methodKind === 'bidi_streaming';
    return stub[localName]?.(takesMany ? each(requests) : requests[0], options);
  }

  return {
    unary: (...call) => begin(...call) as Promise<Uint8Array>,
    stream: (...call) => begin(...call) as AsyncIterable<Uint8Array>,
  };
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
