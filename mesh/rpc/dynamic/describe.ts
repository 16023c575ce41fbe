import type {
  DescEnum,
  DescField,
  DescMessage,
  DescMethod,
  DescService,
  Registry,
} from '@bufbuild/protobuf';
import { ScalarType } from '@bufbuild/protobuf';
import { Form, type Rules } from '../../../gen/weft/v1/options.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Image } from '../../schema/image.ts';
import type { RemoteSchema } from './schema.ts';

/** One method of a served service, in words. */
export interface MethodSummary {
  readonly name: string;
  /** "unary", "server stream", "client stream", "bidirectional stream". */
  readonly kind: string;
  /** Full names. */
  readonly request: string;
  readonly response: string;
}

export interface ServiceSummary {
  readonly service: string;
  readonly methods: readonly MethodSummary[];
}

const kinds: Record<DescMethod['methodKind'], string> = {
  unary: 'unary',
  server_streaming: 'server stream',
  client_streaming: 'client stream',
  bidi_streaming: 'bidirectional stream',
};

/** What a server serves. */
export function summarize({ services, image }: RemoteSchema): ServiceSummary[] {
  return services.map((service) => ({
    service,
    methods: (image.registry.getService(service)?.methods ?? []).map((method) => ({
      name: method.name,
      kind: kinds[method.methodKind],
      request: method.input.typeName,
      response: method.output.typeName,
    })),
  }));
}

/**
 * A service, a method, a message or an enum in the words of its proto file, with weft's rules as comments; for
 * a method its messages too. Throws NOT_FOUND / UNKNOWN_SYMBOL.
 */
export function describeSymbol(image: Image, symbol: string): string {
  const { registry } = image;
  const type = registry.get(symbol);
  if (type?.kind === 'service') return serviceText(type);
  if (type?.kind === 'message') return messageText(type, image);
  if (type?.kind === 'enum') return enumText(type);
  const method = methodNamed(registry, symbol);
  if (method !== undefined) {
    const { input, output } = method;
    const messages = closure([input, output]).map((each) => messageText(each, image));
    return [methodText(method), ...messages].join('\n\n');
  }
  throw new MeshError(
    `the schema has no ${JSON.stringify(symbol)}; weft call --list shows what there is`,
    {
      status: 'NOT_FOUND',
      reason: 'UNKNOWN_SYMBOL',
    },
  );
}

function methodNamed(registry: Registry, symbol: string): DescMethod | undefined {
  const [, service = '', method = ''] = /^\/?([\w.]+)[/.](\w+)$/.exec(symbol) ?? [];
  return registry.getService(service)?.methods.find((each) => each.name === method);
}

/** The messages and all messages inside them, each once; well-known types are not spelled out. */
function closure(messages: readonly DescMessage[], found = new Set<DescMessage>()): DescMessage[] {
  for (const message of messages) {
    if (found.has(message) || message.typeName.startsWith('google.protobuf.')) continue;
    found.add(message);
    closure(
      message.fields.flatMap((field) => field.message ?? []),
      found,
    );
  }
  return [...found];
}

function serviceText(service: DescService): string {
  const methods = service.methods.map((method) => `  ${methodText(method)}`);
  return [`service ${service.typeName} {`, ...methods, '}'].join('\n');
}

function methodText({ name, input, output, methodKind }: DescMethod): string {
  const many = (typeName: string, isStream: boolean): string =>
    `${isStream ? 'stream ' : ''}${typeName}`;
  const bidi = methodKind === 'bidi_streaming';
  const request = many(input.typeName, bidi || methodKind === 'client_streaming');
  const response = many(output.typeName, bidi || methodKind === 'server_streaming');
  return `rpc ${name}(${request}) returns (${response});`;
}

function enumText({ typeName, values }: DescEnum): string {
  const lines = values.map(({ name, number }) => `  ${name} = ${number};`);
  return [`enum ${typeName} {`, ...lines, '}'].join('\n');
}

function messageText(message: DescMessage, image: Image): string {
  const lines = message.members.flatMap((member) => {
    if (member.kind === 'field') return [`  ${fieldText(member, image)}`];
    const cases = member.fields.map((field) => `    ${fieldText(field, image)}`);
    return [`  oneof ${member.name} {`, ...cases, '  }'];
  });
  return [`message ${message.typeName} {`, ...lines, '}'].join('\n');
}

function fieldText(field: DescField, image: Image): string {
  const rules = image.rules(field);
  const comments = [...(rules === undefined ? [] : ruleTexts(rules)), ...enumNames(field)];
  const comment = comments.length === 0 ? '' : ` // ${comments.join(', ')}`;
  return `${typeText(field)} ${field.name} = ${field.number};${comment}`;
}

function enumNames({ enum: type }: DescField): string[] {
  return type === undefined ? [] : [type.values.map(({ name }) => name).join(' | ')];
}

function typeText(field: DescField): string {
  const { message, scalar } = field;
  const element =
    message?.typeName ?? field.enum?.typeName ?? (scalar === undefined ? '?' : scalarText(scalar));
  if (field.fieldKind === 'map') return `map<${scalarText(field.mapKey)}, ${element}>`;
  if (field.fieldKind === 'list') return `repeated ${element}`;
  return field.proto.proto3Optional ? `optional ${element}` : element;
}

function scalarText(scalar: ScalarType): string {
  return ScalarType[scalar].toLowerCase();
}

function ruleTexts({ required, form, pattern, ...bounds }: Rules): string[] {
  const { min, max, minLen, maxLen, minItems, maxItems } = bounds;
  return [
    ...(required ? ['required'] : []),
    ...(form === Form.ID ? ["1 to 64 letters, digits, '_' or '-'"] : []),
    ...(form === Form.CURRENCY ? ['ISO 4217 code'] : []),
    ...(pattern === '' ? [] : [`matches ${pattern}`]),
    ...rangeText('', min, max),
    ...rangeText(' long', minLen || undefined, maxLen || undefined),
    ...rangeText(' elements', minItems || undefined, maxItems || undefined),
  ];
}

function rangeText(unit: string, min?: bigint | number, max?: bigint | number): string[] {
  if (min === undefined && max === undefined) return [];
  if (max === undefined) return [`at least ${String(min)}${unit}`];
  return [min === undefined ? `at most ${max}${unit}` : `${min} to ${max}${unit}`];
}
