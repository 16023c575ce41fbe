import {
  type DescField,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  ScalarType,
} from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { DescriptorProto, FieldDescriptorProto } from '@bufbuild/protobuf/wkt';
import { Rules } from '../../gen/weft/v1/options.ts';

/** The field number of weft.v1.rules in weft/v1/options.proto. */
const rulesNumber = 50803;

/** The rules of one field; undefined if it has none. */
export function rulesOf(field: DescField | FieldDescriptorProto): Rules | undefined {
  const bytes = optionBytes(field, rulesNumber);
  return bytes && Rules.decode(bytes);
}

/** Every message of an image, nested ones too. */
export function messagesOf(registry: FileRegistry): DescMessage[] {
  return [...registry.files].flatMap((file) =>
    [...nestedTypes(file)].filter((type) => type.kind === 'message'),
  );
}

/**
 * The bytes of one custom option; undefined if the element does not have it. Protobuf-es keeps options that it does not know as they stood on the wire,
 * each occurrence with its length in front; laid end to end they are the merged message.
 */
export function optionBytes(
  element: DescField | DescMessage | DescMethod | FieldDescriptorProto | DescriptorProto,
  number: number,
): Uint8Array | undefined {
  const { options } = 'proto' in element ? element.proto : element;
  const found = options?.$unknown?.filter(({ no }) => no === number) ?? [];
  if (found.length === 0) return undefined;
  return Buffer.concat(found.map(({ data }) => new BinaryReader(data).bytes()));
}

/** Whether a field is marked by an option that is a truth value. */
export function isMarked(field: DescField, number: number): boolean {
  const marks = field.proto.options?.$unknown?.filter(({ no }) => no === number) ?? [];
  const last = marks.at(-1);
  return last !== undefined && new BinaryReader(last.data).bool();
}

/** What a field holds, one by one: rules on a repeated field or a map bound its elements. */
export type Held = 'string' | 'bytes' | 'number' | 'bool' | 'enum' | 'message';

/** What one element of a field is made of: a field is one, seen by its descriptor. */
export interface Element {
  readonly enum?: unknown;
  readonly scalar?: ScalarType | undefined;
  readonly message?: { readonly typeName: string } | undefined;
}

/** What one element of a field is, wrappers (google.protobuf.StringValue) seen as what they wrap. */
export function heldBy(field: Element): Held {
  if (field.enum !== undefined) return 'enum';
  const scalar = field.scalar ?? (field.message && wrappedScalar(field.message));
  return scalar === undefined ? 'message' : heldByScalar(scalar);
}

/** The scalar inside a well-known wrapper: ts-proto gives the bare value, undefined when absent. */
export function wrappedScalar({ typeName }: { readonly typeName: string }): ScalarType | undefined {
  return wrappers.get(typeName);
}

const wrappers: ReadonlyMap<string, ScalarType> = new Map([
  ['google.protobuf.DoubleValue', ScalarType.DOUBLE],
  ['google.protobuf.FloatValue', ScalarType.FLOAT],
  ['google.protobuf.Int64Value', ScalarType.INT64],
  ['google.protobuf.UInt64Value', ScalarType.UINT64],
  ['google.protobuf.Int32Value', ScalarType.INT32],
  ['google.protobuf.UInt32Value', ScalarType.UINT32],
  ['google.protobuf.BoolValue', ScalarType.BOOL],
  ['google.protobuf.StringValue', ScalarType.STRING],
  ['google.protobuf.BytesValue', ScalarType.BYTES],
]);

/** True for the 64-bit integers, which are bigint in generated code (forceLong=bigint). */
export function isBigint(scalar: ScalarType | undefined): boolean {
  return scalar !== undefined && longs.has(scalar);
}

const longs = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
  ScalarType.SINT64,
]);

function heldByScalar(scalar: ScalarType): Held {
  if (scalar === ScalarType.STRING) return 'string';
  if (scalar === ScalarType.BYTES) return 'bytes';
  return scalar === ScalarType.BOOL ? 'bool' : 'number';
}

/** The whole string must match, whatever alternatives the pattern has. */
export function compilePattern(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`, 'u');
}
