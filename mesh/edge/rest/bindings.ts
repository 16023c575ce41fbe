import type { DescField, DescMessage, DescMethod } from '@bufbuild/protobuf';
import { HttpRule } from '../../../gen/google/api/http.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Image } from '../../schema/image.ts';
import { optionBytes } from '../../schema/options.ts';
import { fieldAt } from './field-path.ts';
import { parseTemplate, type Template } from './template.ts';

/** One way in which HTTP asks for a method. */
export interface Binding {
  readonly method: DescMethod;
  /** "GET", "POST", …; a custom kind as it was written. */
  readonly verb: string;
  readonly template: Template;
  /** What the body of the request is: nothing, the whole message, or one field of it. */
  readonly body: 'none' | 'all' | DescField;
  /** The field that the body of the answer is; undefined: the whole message. */
  readonly responseBody: DescField | undefined;
}

/** The number of google.api.http. */
const httpNumber = 72295728;

/**
 * All that an image shows over HTTP, in the order of its files; the first binding of a method is its main one.
 * Throws INVALID_ARGUMENT / INVALID_SCHEMA with every fault at once: rules that cannot be meant, and two
 * methods at one address.
 */
export function readBindings({ registry }: Pick<Image, 'registry'>): readonly Binding[] {
  const problems: string[] = [];
  const bindings: Binding[] = [];
  for (const desc of registry) {
    if (desc.kind !== 'service') continue;
    for (const method of desc.methods) bindings.push(...bindingsOf(method, problems));
  }
  problems.push(...sharedAddresses(bindings));
  if (problems.length === 0) return bindings;
  throw new MeshError(`google.api.http says what cannot be meant: ${problems.join('; ')}`, {
    status: 'INVALID_ARGUMENT',
    reason: 'INVALID_SCHEMA',
    details: {
      violations: problems.map((description) => ({ field: 'google.api.http', description })),
    },
  });
}

/** "shop.orders.v1.OrdersService/GetOrder". */
export function nameOfMethod({ parent, name }: DescMethod): string {
  return `${parent.typeName}/${name}`;
}

/** POST to a collection makes a thing in it (RFC 9110, 9.3.3); POST to a thing, or with a verb, does not. */
export function makesSomething({ verb, template }: Binding): boolean {
  return verb === 'POST' && template.variables.length === 0 && template.verb === '';
}

/** The message that an answer shows; undefined for a list or a scalar. */
export function shownBy({
  method,
  responseBody,
}: Pick<Binding, 'method' | 'responseBody'>): DescMessage | undefined {
  if (responseBody === undefined) return method.output;
  return responseBody.fieldKind === 'message' ? responseBody.message : undefined;
}

function bindingsOf(method: DescMethod, problems: string[]): Binding[] {
  const bytes = optionBytes(method, httpNumber);
  if (bytes === undefined) return [];
  const rule = HttpRule.decode(bytes);
  return [rule, ...rule.additionalBindings].flatMap((each) => {
    try {
      return [bindingOf(method, each)];
    } catch (thrown) {
      problems.push(`${nameOfMethod(method)}: ${MeshError.from(thrown).rawMessage}`);
      return [];
    }
  });
}

function bindingOf(method: DescMethod, { pattern, body, responseBody }: HttpRule): Binding {
  if (pattern === undefined) throw fault('it has no pattern; say get, put, post, delete or patch');
  const custom = pattern.$case === 'custom';
  const verb = custom ? pattern.value.kind : pattern.$case.toUpperCase();
  const template = parseTemplate(custom ? pattern.value.path : pattern.value);
  for (const variable of template.variables) checkVariable(method.input, variable);
  return {
    ...{ method, verb, template, body: bodyOf(method.input, body) },
    responseBody: responseBody === '' ? undefined : fieldOf(method.output, responseBody),
  };
}

function checkVariable(input: DescMessage, variable: string): void {
  const field = fieldAt(input, variable)?.at(-1);
  if (field === undefined) throw fault(`${input.typeName} has no ${variable}`);
  if (field.fieldKind !== 'scalar' && field.fieldKind !== 'enum') {
    throw fault(`{${variable}} is a ${field.fieldKind}, and a path holds one value`);
  }
}

function bodyOf(input: DescMessage, body: string): Binding['body'] {
  if (body === '') return 'none';
  return body === '*' ? 'all' : fieldOf(input, body);
}

function fieldOf(message: DescMessage, name: string): DescField {
  const field = message.fields.find((each) => each.name === name);
  if (field === undefined) throw fault(`${message.typeName} has no ${name}`);
  return field;
}

function sharedAddresses(bindings: readonly Binding[]): string[] {
  const taken = new Map<string, Binding>();
  return bindings.flatMap((binding) => {
    const address = `${binding.verb} ${binding.template.shape}`;
    const holder = taken.get(address);
    if (holder === undefined) {
      taken.set(address, binding);
      return [];
    }
    const { verb, template, method } = binding;
    return [
      `${nameOfMethod(method)}: ${verb} ${template.text} is ${nameOfMethod(holder.method)} already`,
    ];
  });
}

function fault(message: string): MeshError {
  return new MeshError(message, { status: 'INVALID_ARGUMENT', reason: 'INVALID_RULE' });
}
