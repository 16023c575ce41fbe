import type { DescField, DescMessage, JsonObject, JsonValue } from '@bufbuild/protobuf';
import { type Link, Resource } from '../../../gen/weft/v1/options.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Image } from '../../schema/image.ts';
import { messagesOf, optionBytes } from '../../schema/options.ts';
import { type Binding, nameOfMethod } from './bindings.ts';
import { fieldAt } from './field-path.ts';
import { isObject } from './read-json.ts';

/** The number of weft.v1.resource. */
const resourceNumber = 50806;

/** One way that leads on from a resource. */
export interface Relation {
  readonly rel: string;
  /** The main binding of the method that it leads to. */
  readonly binding: Binding;
  /** The fields of the resource that hold what the method is asked with. */
  readonly from: readonly DescField[];
  /** The field of the request that takes it; empty without one. */
  readonly to: string;
  /** Whether there may be several, for the fields lead through a list. */
  readonly isMany: boolean;
}

export type Resources = ReadonlyMap<DescMessage, readonly Relation[]>;

/**
 * What leads on from each message that stands for a thing (weft.v1.resource). Throws INVALID_ARGUMENT /
 * INVALID_SCHEMA with every fault at once.
 */
export function readResources(
  { registry }: Pick<Image, 'registry'>,
  bindings: readonly Binding[],
): Resources {
  const byMethod = new Map<string, Binding>();
  for (const binding of bindings) {
    const name = nameOfMethod(binding.method);
    if (!byMethod.has(name)) byMethod.set(name, binding);
  }
  const problems: string[] = [];
  const found = new Map<DescMessage, readonly Relation[]>();
  for (const message of messagesOf(registry)) {
    const bytes = optionBytes(message, resourceNumber);
    if (bytes === undefined) continue;
    const relations = Resource.decode(bytes).links.flatMap((link) => {
      const relation = relationOf(link, message, byMethod.get(link.method));
      if (typeof relation !== 'string') return [relation];
      problems.push(`${message.typeName}: link "${link.rel}": ${relation}`);
      return [];
    });
    found.set(message, relations);
  }
  if (problems.length === 0) return found;
  throw new MeshError(`weft.v1.resource says what cannot be meant: ${problems.join('; ')}`, {
    ...{ status: 'INVALID_ARGUMENT', reason: 'INVALID_SCHEMA' },
  });
}

function relationOf(
  { rel, method, from, to }: Link,
  message: DescMessage,
  binding: Binding | undefined,
): Relation | string {
  if (binding === undefined) return `${method} is no method with google.api.http`;
  const fields = from === '' ? [] : fieldAt(message, from);
  if (fields === undefined) return `there is no field ${from}`;
  const taker = to === '' ? (fields.at(-1)?.name ?? '') : to;
  if (taker !== '' && fieldAt(binding.method.input, taker) === undefined) {
    return `${binding.method.input.typeName} has no ${taker}`;
  }
  const isMany = fields.some(({ fieldKind }) => fieldKind === 'list');
  return { rel, binding, from: fields, to: taker, isMany };
}

/** What a resource holds in the fields of a relation; several for a list, each once. */
export function valuesOf(resource: JsonObject, { from }: Relation): string[] {
  let at: JsonValue[] = [resource];
  for (const { jsonName } of from) {
    at = at.flatMap((each) => (isObject(each) ? (each[jsonName] ?? []) : []));
  }
  return [...new Set(at.map((value) => String(value as string | number | boolean)))];
}

/** The address to which a relation leads; undefined if the values do not fill its path. */
export function hrefOf({ binding, to }: Relation, value: string | undefined): string | undefined {
  const { template } = binding;
  const isInPath = template.variables.includes(to);
  const values = new Map(value === undefined ? [] : [[to, value]]);
  const path = template.expand(isInPath ? values : new Map());
  if (path === undefined || isInPath || value === undefined) return path;
  return `${path}?${new URLSearchParams({ [to]: value }).toString()}`;
}

/** A resource in an answer, found anywhere in it. */
export interface FoundResource {
  readonly json: JsonObject;
  readonly relations: readonly Relation[];
}

/** All resources in an answer, outer ones first. */
export function resourcesIn(
  resources: Resources,
  message: DescMessage | undefined,
  json: JsonValue | undefined,
): FoundResource[] {
  if (message === undefined || !isObject(json)) return [];
  const relations = resources.get(message);
  const own = relations === undefined ? [] : [{ json, relations }];
  const inner = message.fields.flatMap((field) => {
    const value = json[field.jsonName];
    const held = Array.isArray(value) ? value : [value];
    return held.flatMap((each) => resourcesIn(resources, heldIn(field), each));
  });
  return [...own, ...inner];
}

/** All relations that resources in an answer may have; of a message that holds itself, each once. */
export function relationsInside(
  resources: Resources,
  message: DescMessage | undefined,
  seen = new Set<DescMessage>(),
): Relation[] {
  if (message === undefined || seen.has(message)) return [];
  seen.add(message);
  const inner = message.fields.flatMap((field) => relationsInside(resources, heldIn(field), seen));
  return [...(resources.get(message) ?? []), ...inner];
}

function heldIn(field: DescField): DescMessage | undefined {
  return field.fieldKind === 'list' || field.fieldKind === 'message' ? field.message : undefined;
}
