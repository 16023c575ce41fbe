import type { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { Policy } from '../../gen/weft/v1/options.ts';
import type { CallKind, Idempotency, MethodInfo } from '../kernel/call.ts';

/** A message type as ts-proto generates it (`outputTypeAnnotations=static-only`). */
export interface MessageType<T = unknown> {
  /** The full name, as "shop.orders.v1.OrderConfirmed". */
  readonly $type: string;
  encode(message: T, writer?: BinaryWriter): BinaryWriter;
  decode(input: BinaryReader | Uint8Array, length?: number): T;
}

/** The message that a type stands for: `MessageOf<typeof OrderConfirmed>` is OrderConfirmed. */
export type MessageOf<T> = T extends { decode(...args: never[]): infer M } ? M : never;

/** A method as ts-proto generates it (`outputServices=generic-definitions`). */
export interface MethodDefinition {
  readonly name: string;
  // Method syntax makes the parameter bivariant, so that a concrete message type fits here.
  readonly requestType: MessageType<never> | MessageType;
  readonly requestStream: boolean;
  readonly responseType: MessageType<never> | MessageType;
  readonly responseStream: boolean;
  readonly options: {
    readonly idempotencyLevel?: 'IDEMPOTENT' | 'NO_SIDE_EFFECTS' | 'IDEMPOTENCY_UNKNOWN';
    /** Options that ts-proto does not know, by wire tag: what `weft.v1.policy` arrives in. */
    readonly _unknownFields?: Readonly<Record<number, readonly Uint8Array[]>>;
  };
}

/** A service as ts-proto generates it: `OrdersServiceDefinition`. */
export interface ServiceDefinition {
  readonly name: string;
  readonly fullName: string;
  readonly methods: Readonly<Record<string, MethodDefinition>>;
}

/** The tag of `(weft.v1.policy)`: field 50801, length-delimited. */
const policyTag = (50801 << 3) | 2;

const idempotency: Record<string, Idempotency> = {
  IDEMPOTENT: 'idempotent',
  NO_SIDE_EFFECTS: 'no-side-effects',
};

/** What the schema says of one method. */
export function methodInfo(service: ServiceDefinition, method: MethodDefinition): MethodInfo {
  const policy = policyOf(method);
  return {
    service: service.fullName,
    name: method.name,
    path: `/${service.fullName}/${method.name}`,
    kind: kindOf(method),
    idempotency: idempotency[method.options.idempotencyLevel ?? ''] ?? 'unknown',
    policy: {
      ...(policy.timeoutMs > 0 && { timeoutMs: policy.timeoutMs }),
      ...(policy.attempts > 0 && { attempts: policy.attempts }),
      ...(policy.idleTimeoutMs > 0 && { idleTimeoutMs: policy.idleTimeoutMs }),
    },
  };
}

/**
 * The name under which a service is found, unless said otherwise: the last segment of its package that is
 * not a version. "shop.orders.v1.OrdersService" is found as "orders".
 */
export function defaultTarget(fullName: string): string {
  const segments = fullName.split('.').slice(0, -1);
  const name = segments.reverse().find((segment) => !/^v\d/.test(segment));
  return (name ?? fullName).toLowerCase().replaceAll('_', '-');
}

function kindOf(method: MethodDefinition): CallKind {
  if (method.requestStream) return method.responseStream ? 'bidi' : 'client-stream';
  return method.responseStream ? 'server-stream' : 'unary';
}

function policyOf(method: MethodDefinition): Policy {
  // ts-proto keeps the option as it stood on the wire: a length, then the message.
  const [raw] = method.options._unknownFields?.[policyTag] ?? [];
  if (raw === undefined) return Policy.create();
  let start = 0;
  while (((raw[start] ?? 0) & 0x80) !== 0) start++;
  return Policy.decode(raw.subarray(start + 1));
}
