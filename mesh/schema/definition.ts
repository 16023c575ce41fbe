import type { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { Policy } from '../../gen/weft/v1/options.ts';
import type { CallKind, Idempotency, MethodInfo } from '../kernel/call.ts';
import { MeshError } from '../kernel/error.ts';
import { type Status, statusCode } from '../kernel/status.ts';

/** A message type as ts-proto generates it (`outputTypeAnnotations=static-only`). */
export interface MessageType<T = unknown> {
  /** The full name, as "shop.orders.v1.OrderConfirmed". */
  readonly $type: string;
  /** Throws for what is no such message. */
  encode(message: T, writer?: BinaryWriter): BinaryWriter;
  /** Throws for bytes that are no such message. */
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
  /** As "OrdersService". */
  readonly name: string;
  /** As "shop.orders.v1.OrdersService". */
  readonly fullName: string;
  /** By the names that the functions of a stub have, as "placeOrder". */
  readonly methods: Readonly<Record<string, MethodDefinition>>;
}

/** The tag of `(weft.v1.policy)`: field 50801, length-delimited. */
export const policyTag = (50801 << 3) | 2;

const idempotency: Record<string, Idempotency> = {
  IDEMPOTENT: 'idempotent',
  NO_SIDE_EFFECTS: 'no-side-effects',
};

/**
 * What the schema says of one method. Throws INVALID_ARGUMENT / INVALID_POLICY for a policy that cannot be
 * meant: it would be silently without effect, or run twice what must run once.
 */
export function methodInfo(service: ServiceDefinition, method: MethodDefinition): MethodInfo {
  const policy = policyOf(method);
  const path = `/${service.fullName}/${method.name}`;
  const repeat = idempotency[method.options.idempotencyLevel ?? ''] ?? 'unknown';
  return {
    service: service.fullName,
    name: method.name,
    path,
    kind: kindOf(method),
    idempotency: repeat,
    policy: {
      ...(policy.timeoutMs > 0 && { timeoutMs: policy.timeoutMs }),
      ...(policy.attempts > 0 && { attempts: policy.attempts }),
      ...(policy.idleTimeoutMs > 0 && { idleTimeoutMs: policy.idleTimeoutMs }),
      ...repetition(path, repeat, policy),
    },
  };
}

/** What a policy says of repeated calls. */
export interface Repetition {
  readonly maxExtraLoad?: number | undefined;
  readonly retryOn?: readonly string[] | undefined;
}

/** Why `said` cannot be meant for a method of this idempotency; the first of the reasons, if any. */
export function repetitionFault(
  repeat: Idempotency,
  { maxExtraLoad = 0, retryOn = [] }: Repetition,
): string | undefined {
  if (!(maxExtraLoad >= 0 && maxExtraLoad <= 1)) {
    return `max_extra_load is a share of the calls, 0 to 1, not ${String(maxExtraLoad)}`;
  }
  if (maxExtraLoad > 0 && repeat !== 'no-side-effects') {
    return 'max_extra_load sends calls twice, and the method is not marked NO_SIDE_EFFECTS: set idempotency_level, or leave it out';
  }
  if (retryOn.length > 0 && repeat === 'unknown') {
    return 'retry_on repeats what a handler may have done, and the method is marked neither IDEMPOTENT nor NO_SIDE_EFFECTS: set idempotency_level, or leave it out';
  }
  const unknown = retryOn.find((name) => !isFailure(name));
  if (unknown === undefined) return undefined;
  return `retry_on names ${JSON.stringify(unknown)}, which is no status of a failed call: use names as "ABORTED"`;
}

/** Whether a text names a status with which a call can fail. */
function isFailure(name: string): name is Status {
  return Object.hasOwn(statusCode, name) && name !== 'OK';
}

function repetition(path: string, repeat: Idempotency, said: Policy): MethodInfo['policy'] {
  const fault = repetitionFault(repeat, said);
  if (fault !== undefined) {
    throw new MeshError(`the schema of ${path.slice(1)}: weft.v1.policy: ${fault}`, {
      status: 'INVALID_ARGUMENT',
      reason: 'INVALID_POLICY',
    });
  }
  const { maxExtraLoad } = said;
  const retryOn = said.retryOn.filter(isFailure);
  return {
    ...(maxExtraLoad > 0 && { maxExtraLoad }),
    ...(retryOn.length > 0 && { retryOn }),
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
