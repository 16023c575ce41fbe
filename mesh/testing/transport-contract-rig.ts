import { afterEach } from '@jest/globals';
import {
  type GetStockRequest,
  type GetStockResponse,
  InventoryServiceDefinition,
} from '../../gen/shop/inventory/v1/inventory.ts';
import type { Identity } from '../identity/identity.ts';
import type { Metadata, TransportKind } from '../kernel/call.ts';
import type { Cancellation } from '../kernel/cancellation.ts';
import { systemClock } from '../kernel/clock.ts';
import { deadlineIn, remainingMs } from '../kernel/deadline.ts';
import { addressOf, type Endpoint } from '../kernel/endpoint.ts';
import { MeshError } from '../kernel/error.ts';
import { type Closeable, closeAll } from '../kernel/lifecycle.ts';
import type { HandlerContext, Implementation } from '../rpc/server/implementation.ts';
import { createServer, type MeshServer } from '../rpc/server/server.ts';
import type { AttemptContext, Connection, Method } from '../rpc/transport.ts';
import { methodInfo } from '../schema/definition.ts';
import { weftImage } from '../schema/image.ts';
import { type Cable, createCable } from './cable.ts';
import { inventory } from './shop-handlers.ts';

const { getStock, reserve } = InventoryServiceDefinition.methods;

export const getStockMethod = {
  ...methodInfo(InventoryServiceDefinition, getStock),
  ...getStock,
} satisfies Method<GetStockRequest, GetStockResponse>;

export const reserveMethod = { ...methodInfo(InventoryServiceDefinition, reserve), ...reserve };

/** A transport, as the contract needs it. */
export interface TransportUnderTest {
  readonly name: TransportKind;
  /** Whom the server of the rig is; default: nobody, without TLS. */
  readonly identity?: Identity;
  connect(endpoint: Endpoint, options: { readonly maxMessageBytes: number }): Connection;
  /** Waits until calls over the connection travel as they are meant to; `call` makes one. */
  ready(connection: Connection, call: () => Promise<unknown>): Promise<void>;
}

export interface RigOptions {
  readonly handlers?: Partial<Implementation<typeof InventoryServiceDefinition>>;
  readonly maxMessageBytes?: number;
}

/** What a handler saw of one call. */
interface Seen {
  readonly sku: string;
  readonly metadata: Metadata;
  readonly attempt: number;
  readonly peer: string;
  readonly trace: HandlerContext['trace'];
  readonly baggage: HandlerContext['baggage'];
  readonly parentSpanId: string | undefined;
  readonly leftMs: number | undefined;
  /** Why the call was ended early. */
  reason(): MeshError | undefined;
}

type Context = Partial<Omit<AttemptContext, 'method'>>;

/** A server behind a cable, and a connection that is ready. */
export interface Rig {
  readonly server: MeshServer;
  readonly cable: Cable;
  readonly connection: Connection;
  /** "host:port", as errors name it. */
  readonly address: string;
  /** The calls of GetStock that reached their handler, in order. */
  readonly seen: readonly Seen[];
  getStock(request: { sku: string }, context?: Context): Promise<GetStockResponse>;
  call<Req, Res>(method: Method<Req, Res>, request: Req, context?: Context): Promise<Res>;
  /** A call of GetStock with all that its caller is told. */
  told(request: { sku: string }): Promise<{
    header: Metadata | undefined;
    trailer: Metadata | undefined;
    error: MeshError | undefined;
  }>;
}

/** Starts a rig for a test. */
export type StartRig = (options?: RigOptions) => Promise<Rig>;

/** Starts rigs, and closes them after each test. */
export function useRigs(transport: TransportUnderTest): StartRig {
  const opened: Closeable[] = [];
  afterEach(() => closeAll(opened.splice(0)));
  return (options) => startRig(transport, options ?? {}, opened);
}

async function startRig(
  transport: TransportUnderTest,
  { handlers, maxMessageBytes = 1024 * 1024 }: RigOptions,
  opened: Closeable[],
): Promise<Rig> {
  const seen: Seen[] = [];
  const server = createServer({
    image: weftImage(),
    maxMessageBytes,
    identity: transport.identity,
  });
  server.add(InventoryServiceDefinition, watched(inventory(handlers), seen));
  const { port } = await server.listen();
  const cable = await createCable(port);
  const endpoint: Endpoint = {
    ...{ instanceId: 'inventory-1', service: 'inventory', host: '127.0.0.1', port: cable.port },
    metadata: { 'weft-lane': '1' },
  };
  const connection = transport.connect(endpoint, { maxMessageBytes });
  const call: Rig['call'] = (method, request, context) =>
    connection.unary(method, request, attempt.context(method, context));
  opened.push(server, cable, connection);
  await transport.ready(connection, () =>
    call(getStockMethod, { sku: 'WARM-UP' }).catch(() => undefined),
  );
  seen.length = 0;
  return {
    ...{ server, cable, connection, seen, call },
    address: addressOf(endpoint),
    getStock: (request, context) => call(getStockMethod, request, context),
    told: (request) => toldOf(call, request),
  };
}

async function toldOf(call: Rig['call'], request: { sku: string }): ReturnType<Rig['told']> {
  let header: Metadata | undefined;
  let trailer: Metadata | undefined;
  const context: Context = {
    onHeader: (metadata) => {
      header = metadata;
    },
    onTrailer: (metadata) => {
      trailer = metadata;
    },
  };
  const error = await call(getStockMethod, request, context).then(
    () => undefined,
    (thrown: unknown) => MeshError.from(thrown),
  );
  return { header, trailer, error };
}

type Inventory = Implementation<typeof InventoryServiceDefinition>;

/** Writes down what the handler of GetStock is given. */
function watched(handlers: Inventory, seen: Seen[]): Inventory {
  return {
    ...handlers,
    getStock(request, context) {
      let reason: MeshError | undefined;
      const { metadata, attempt: number, peer, trace, parentSpanId, deadline, signal } = context;
      const { baggage } = context;
      if (request.sku !== 'WARM-UP') {
        seen.push({
          ...{ sku: request.sku, metadata: { ...metadata }, attempt: number, peer, trace },
          ...{ parentSpanId, baggage },
          leftMs: deadline && remainingMs(deadline, systemClock),
          reason: () => reason,
        });
        signal.addEventListener('abort', () => {
          reason = MeshError.from(signal.reason);
        });
        return handlers.getStock(request, context);
      }
      return Promise.resolve({ item: undefined });
    },
  };
}

function contextOf(method: Method, over: Context = {}): AttemptContext {
  return {
    method,
    metadata: {},
    trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) },
    attempt: 1,
    deadline: deadlineIn(5000, systemClock),
    ...over,
  };
}

/** A cancellation that a test holds in its hand. */
function createCancellation(): {
  readonly cancellation: Cancellation;
  giveUp(reason: MeshError): void;
  listeners(): number;
} {
  const waiting = new Set<(reason: MeshError) => void>();
  let given: MeshError | undefined;
  const cancellation: Cancellation = {
    get reason() {
      return given;
    },
    onAbort(listener) {
      if (given !== undefined) {
        listener(given);
        return () => undefined;
      }
      waiting.add(listener);
      return () => waiting.delete(listener);
    },
  };
  return {
    cancellation,
    giveUp(reason) {
      given = reason;
      for (const listener of [...waiting]) listener(reason);
    },
    listeners: () => waiting.size,
  };
}

/** What one attempt is given. */
export const attempt = { context: contextOf, cancellation: createCancellation };
