import type { DescMethod } from '@bufbuild/protobuf';
import {
  loadFileDescriptorSetFromBuffer,
  type MethodDefinition,
  type PackageDefinition,
} from '@grpc/proto-loader';
import { MeshError } from '../../kernel/error.ts';
import { createJsonBridge, type JsonBridge } from './json.ts';
import type { RemoteSchema } from './schema.ts';

/** A method whose contract became known at run time: how it is called, and how its JSON is read. */
export interface DynamicMethod {
  readonly desc: DescMethod;
  readonly definition: MethodDefinition<object, object>;
  readonly bridge: JsonBridge;
}

/** A method name in its parts: "shop.orders.v1.OrdersService/PlaceOrder", also with a '.' or a leading '/'. */
export function parseMethod(name: string): { service: string; method: string } {
  const [, service, method] = /^\/?([\w.]+)[/.](\w+)$/.exec(name) ?? [];
  if (service !== undefined && method !== undefined) return { service, method };
  throw new MeshError(
    `${JSON.stringify(name)} is not a method: write it with its package and service, as "shop.orders.v1.OrdersService/PlaceOrder"; weft call --list shows those that are served`,
    { status: 'INVALID_ARGUMENT', reason: 'INVALID_METHOD' },
  );
}

/** Finds a method in a schema. Throws UNIMPLEMENTED / UNKNOWN_METHOD, naming what there is. */
export function loadMethod(schema: RemoteSchema, name: string): DynamicMethod {
  const { service, method } = parseMethod(name);
  const { registry, bytes } = schema.image;
  // All files are read, not only this service's: the names in them came from a peer, what is no identifier is
  // refused as they are read, and proto-loader is about to make code of them.
  const services = [...registry].filter((type) => type.kind === 'service');
  const found = services.find(({ typeName }) => typeName === service);
  if (found === undefined) {
    throw unknown(`the server at ${schema.address} has no service ${service}`, schema.services);
  }
  const desc = found.methods.find((each) => each.name === method);
  const loaded = loadFileDescriptorSetFromBuffer(Buffer.from(bytes), {
    longs: String,
    enums: String,
    bytes: String,
    defaults: true,
    oneofs: true,
  });
  const definition = methodIn(loaded, service, method);
  if (desc === undefined || definition === undefined) {
    throw unknown(
      `${service} has no method ${method}`,
      found.methods.map((each) => each.name),
    );
  }
  return { desc, definition, bridge: createJsonBridge(loaded, registry) };
}

function methodIn(
  loaded: PackageDefinition,
  service: string,
  method: string,
): MethodDefinition<object, object> | undefined {
  const definition = loaded[service];
  if (definition === undefined || typeof definition.format === 'string') return undefined;
  const found = (definition as Record<string, MethodDefinition<object, object> | undefined>)[
    method
  ];
  return found;
}

function unknown(what: string, known: readonly string[]): MeshError {
  return new MeshError(`${what}; it has ${known.join(', ')}`, {
    status: 'UNIMPLEMENTED',
    reason: 'UNKNOWN_METHOD',
  });
}
