import {
  type DescField,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  ScalarType,
} from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { Form, Rules } from '../../gen/weft/v1/options.ts';
import { describe } from '../kernel/error.ts';

/**
 * weft's own options as the schema states them. A rule that cannot mean anything (a pattern on a number)
 * would be ignored silently at run time, so it is looked for when the image is
 * loaded, where its author sees it: at the start of the process, all faults at once.
 */

/** The field number of weft.v1.rules in weft/v1/options.proto. */
const rulesNumber = 50803;

/** Every field that has rules; what cannot be meant is added to `problems`. */
export function readRules(registry: FileRegistry, problems: string[]): Map<DescField, Rules> {
  const found = new Map<DescField, Rules>();
  for (const field of messagesOf(registry).flatMap((message) => message.fields)) {
    const bytes = optionBytes(field, rulesNumber);
    if (bytes === undefined) continue;
    const rules = Rules.decode(bytes);
    const faults = faultsOf(rules, field).map(
      (f) => `${field.parent.typeName}.${field.name}: ${f}`,
    );
    problems.push(...faults);
    found.set(field, rules);
  }
  return found;
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
  element: DescField | DescMessage,
  number: number,
): Uint8Array | undefined {
  return merged(element.proto.options?.$unknown, number);
}

/** The same of a method. */
export function methodOptionBytes(method: DescMethod, number: number): Uint8Array | undefined {
  return merged(method.proto.options?.$unknown, number);
}

/** Whether a field is marked by an option that is a truth value. */
export function isMarked(field: DescField, number: number): boolean {
  const marks = field.proto.options?.$unknown?.filter(({ no }) => no === number) ?? [];
  const last = marks.at(-1);
  return last !== undefined && new BinaryReader(last.data).bool();
}

function merged(
  options: readonly { readonly no: number; readonly data: Uint8Array }[] | undefined,
  number: number,
): Uint8Array | undefined {
  const unknown = options?.filter((field) => field.no === number) ?? [];
  if (unknown.length === 0) return undefined;
  return Buffer.concat(unknown.map((field) => new BinaryReader(field.data).bytes()));
}

/** What a field holds, one by one: rules on a repeated field or a map bound its elements. */
export type Held = 'string' | 'bytes' | 'number' | 'bool' | 'enum' | 'message';

/** What one element of a field is, wrappers (google.protobuf.StringValue) seen as what they wrap. */
export function heldBy(field: DescField): Held {
  if (field.enum !== undefined) return 'enum';
  if (field.scalar !== undefined) return heldByScalar(field.scalar);
  const wrapped = wrappedScalar(field.message);
  return wrapped === undefined ? 'message' : heldByScalar(wrapped);
}

/** The scalar inside a well-known wrapper: ts-proto gives the bare value, undefined when absent. */
export function wrappedScalar(message: DescMessage): ScalarType | undefined {
  if (message.file.name !== 'google/protobuf/wrappers') return undefined;
  return message.fields[0]?.scalar;
}

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

/** Each rule with the fields on which it has a meaning; a rule elsewhere is a mistake worth hearing of. */
const places: readonly { rule: keyof Rules; isSet: (rules: Rules) => boolean; on: Held[] }[] = [
  { rule: 'form', isSet: (rules) => rules.form !== Form.UNSPECIFIED, on: ['string'] },
  { rule: 'pattern', isSet: (rules) => rules.pattern !== '', on: ['string'] },
  { rule: 'minLen', isSet: (rules) => rules.minLen > 0, on: ['string', 'bytes'] },
  { rule: 'maxLen', isSet: (rules) => rules.maxLen > 0, on: ['string', 'bytes'] },
  { rule: 'min', isSet: (rules) => rules.min !== undefined, on: ['number'] },
  { rule: 'max', isSet: (rules) => rules.max !== undefined, on: ['number'] },
];

const protoName = (rule: string): string =>
  rule.replace(/[A-Z]/, (upper) => `_${upper.toLowerCase()}`);

function faultsOf(rules: Rules, field: DescField): string[] {
  const held = heldBy(field);
  const faults = places
    .filter(({ isSet, on }) => isSet(rules) && !on.includes(held))
    .map(({ rule, on }) => `${protoName(rule)} is for ${on.join(' and ')}, this is ${held}`);
  const many = field.fieldKind === 'list' || field.fieldKind === 'map';
  if (!many && (rules.minItems > 0 || rules.maxItems > 0)) {
    faults.push('min_items and max_items are for repeated fields and maps');
  }
  if (rules.required) faults.push(...requiredFaults(field, held));
  return [...faults, ...boundFaults(rules), ...patternFaults(rules)];
}

function requiredFaults(field: DescField, held: Held): string[] {
  if (field.fieldKind === 'list' || field.fieldKind === 'map') {
    return ['required is for single fields; say min_items: 1'];
  }
  if (field.oneof !== undefined) return ['a member of a oneof cannot be required'];
  // Without presence a zero cannot be told from nothing, so "required" would forbid the zero.
  const present = field.proto.proto3Optional || field.fieldKind === 'message';
  if ((held === 'number' || held === 'bool') && !present) {
    return [`a ${held} without presence is always set; say min, or declare the field optional`];
  }
  return [];
}

function boundFaults({ min, max, minLen, maxLen, minItems, maxItems, form }: Rules): string[] {
  const faults: string[] = [];
  if (min !== undefined && max !== undefined && min > max) faults.push('min is above max');
  if (maxLen > 0 && minLen > maxLen) faults.push('min_len is above max_len');
  if (maxItems > 0 && minItems > maxItems) faults.push('min_items is above max_items');
  // A schema newer than this weft; typed as the enum, but any number can stand on the wire.
  if (!(Object.values(Form) as number[]).includes(form)) {
    faults.push(`form ${String(form)} is not known to this weft`);
  }
  return faults;
}

function patternFaults({ pattern }: Rules): string[] {
  try {
    compilePattern(pattern);
    return [];
  } catch (thrown) {
    return [`pattern ${JSON.stringify(pattern)} does not compile: ${describe(thrown)}`];
  }
}

/** The whole string must match, whatever alternatives the pattern has. */
export function compilePattern(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`, 'u');
}
