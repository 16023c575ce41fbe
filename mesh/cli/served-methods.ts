import type { DescMethod } from '@bufbuild/protobuf';
import type { CallKind, Idempotency, MethodInfo } from '../kernel/call.ts';
import { addressOf } from '../kernel/endpoint.ts';
import { readSchema } from '../rpc/dynamic/schema.ts';
import type { MeshDoor } from './mesh-door.ts';

const kinds: Record<DescMethod['methodKind'], CallKind> = {
  unary: 'unary',
  server_streaming: 'server-stream',
  client_streaming: 'client-stream',
  bidi_streaming: 'bidi',
};

/** By the number in google.protobuf.MethodOptions.IdempotencyLevel. */
const idempotency: readonly Idempotency[] = ['unknown', 'no-side-effects', 'idempotent'];

/** The methods that the instances of a service serve; undefined when none of them can be asked. */
export async function servedMethods(
  service: string,
  { consul, channelTo }: Pick<MeshDoor, 'consul' | 'channelTo'>,
): Promise<MethodInfo[] | undefined> {
  const { value: healthy } = await consul.instances(service);
  const [first] = healthy;
  if (first === undefined) return undefined;
  try {
    const secured = await channelTo(first);
    const { services, image } = await readSchema({ address: addressOf(first), secured });
    return services
      .filter((name) => !/^(weft|grpc)\./.test(name))
      .flatMap((name) => image.registry.getService(name)?.methods ?? [])
      .map(infoOf);
  } catch {
    return undefined;
  }
}

function infoOf({ name, parent, methodKind, idempotency: level }: DescMethod): MethodInfo {
  return {
    ...{ name, service: parent.typeName, path: `/${parent.typeName}/${name}` },
    kind: kinds[methodKind],
    idempotency: idempotency[level] ?? 'unknown',
    policy: {},
  };
}
