import { ScalarType } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { Form, type Rules } from '../../gen/weft/v1/options.ts';
import { describe } from '../kernel/error.ts';
import { compilePattern, type Element, type Held, heldBy, rulesOf } from './options.ts';
import { type DeclaredMessage, isInOneof } from './outline.ts';

/**
 * A rule that cannot mean anything (a pattern on a number) would be ignored silently at run time, so it is
 * looked for when the image is loaded, where its author sees it: at the start of the process, all faults at
 * once. It reads what the compiler wrote, not descriptors: those are made for few files only.
 */

/** Every rule of a message that cannot be meant, in words. */
export function ruleFaults({ typeName, proto: message }: DeclaredMessage): string[] {
  return message.field.flatMap((field) => {
    const rules = rulesOf(field);
    if (rules === undefined) return [];
    return faultsOf(rules, { field, message }).map(
      (fault) => `${typeName}.${field.name}: ${fault}`,
    );
  });
}

interface Place {
  readonly field: FieldDescriptorProto;
  readonly message: DescriptorProto;
}

/** What one element of a field is made of; of a map, one value. */
function elementOf(field: FieldDescriptorProto, message: DescriptorProto): Element {
  const { type, typeName } = field;
  if (type === Type.ENUM) return { enum: typeName };
  // The scalars have the names of their types.
  if (!isMessage(field)) return { scalar: ScalarType[Type[type] as keyof typeof ScalarType] };
  const entry = message.nestedType.find(
    ({ name, options }) =>
      options?.mapEntry === true && typeName.endsWith(`.${message.name}.${name}`),
  );
  const value = entry?.field.find(({ number }) => number === 2);
  return value === undefined
    ? { message: { typeName: typeName.slice(1) } }
    : elementOf(value, message);
}

const isMessage = ({ type }: FieldDescriptorProto): boolean =>
  type === Type.MESSAGE || type === Type.GROUP;

const isMany = ({ label }: FieldDescriptorProto): boolean => label === Label.REPEATED;

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

function faultsOf(rules: Rules, { field, message }: Place): string[] {
  const held = heldBy(elementOf(field, message));
  const faults = places
    .filter(({ isSet, on }) => isSet(rules) && !on.includes(held))
    .map(({ rule, on }) => `${protoName(rule)} is for ${on.join(' and ')}, this is ${held}`);
  if (!isMany(field) && (rules.minItems > 0 || rules.maxItems > 0)) {
    faults.push('min_items and max_items are for repeated fields and maps');
  }
  if (rules.required) faults.push(...requiredFaults(field, held));
  return [...faults, ...boundFaults(rules), ...patternFaults(rules)];
}

function requiredFaults(field: FieldDescriptorProto, held: Held): string[] {
  if (isMany(field)) return ['required is for single fields; say min_items: 1'];
  if (isInOneof(field)) return ['a member of a oneof cannot be required'];
  // Without presence a zero cannot be told from nothing, so "required" would forbid the zero.
  const present = field.proto3Optional || isMessage(field);
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
