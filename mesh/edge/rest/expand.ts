import { type JsonObject, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { MeshError } from '../../kernel/error.ts';
import type { CallOptions } from '../../rpc/client/client.ts';
import type { Image } from '../../schema/image.ts';
import type { Caller } from '../caller.ts';
import { statusJson } from '../error-body.ts';
import { answerJson } from './answer-json.ts';
import { setParameter } from './parameters.ts';
import { readJson } from './read-json.ts';
import { type FoundResource, type Relation, valuesOf } from './resources.ts';

/** Most calls for one request: what is embedded is read on behalf of a stranger. */
const maxCalls = 32;

/** The relations that a request wants embedded: `?expand=notifications,stock`. */
export function wantedRelations(query: URLSearchParams): readonly string[] {
  const words = query.getAll('expand').flatMap((each) => each.split(','));
  return [...new Set(words.filter((word) => word !== ''))];
}

export interface Expansion {
  readonly image: Image;
  readonly caller: Caller;
  readonly options: CallOptions;
}

/** One call whose answer goes into one place. */
interface Errand {
  readonly relation: Relation;
  readonly value: string | undefined;
  readonly put: (json: JsonValue) => void;
}

/**
 * Embeds what relations lead to, all at once: one request of the client instead of many. What cannot be had
 * stands there as `{ error }`, for the resource itself is known and is not to fail with it. Throws
 * INVALID_ARGUMENT for a relation that no resource of the answer has, or that is not for reading.
 */
export async function expand(
  found: readonly FoundResource[],
  wanted: readonly string[],
  expansion: Expansion,
): Promise<void> {
  const errands = wanted.flatMap((rel) => errandsFor(rel, found));
  if (errands.length > maxCalls) {
    throw refused(wanted.join(), `that would be ${errands.length} reads; at most ${maxCalls}`);
  }
  await Promise.all(errands.map((errand) => run(errand, expansion)));
}

function errandsFor(rel: string, found: readonly FoundResource[]): Errand[] {
  const having = found.flatMap(({ json, relations }) => {
    const relation = relations.find((each) => each.rel === rel && isReading(each));
    return relation === undefined ? [] : [{ json, relation }];
  });
  if (having.length === 0 && found.length > 0) {
    const known = new Set(found.flatMap(({ relations }) => relations.filter(isReading)));
    const names = [...new Set([...known].map((relation) => relation.rel))].join(', ');
    throw refused(rel, `there is no relation "${rel}" to read; there is ${names || 'none'}`);
  }
  return having.flatMap(({ json, relation }) => {
    const embedded = (json['_embedded'] ??= {}) as JsonObject;
    const values = relation.from.length === 0 ? [undefined] : valuesOf(json, relation);
    const list: JsonValue[] = values.map(() => null);
    if (relation.isMany) embedded[rel] = list;
    return values.map((value, i) => ({
      ...{ relation, value },
      put(answer: JsonValue) {
        if (relation.isMany) list[i] = answer;
        else embedded[rel] = answer;
      },
    }));
  });
}

/** Only what changes nothing is embedded. */
export function isReading({ binding }: Relation): boolean {
  return binding.verb === 'GET' && binding.method.methodKind === 'unary';
}

async function run({ relation, value, put }: Errand, expansion: Expansion): Promise<void> {
  const { image, caller, options } = expansion;
  const { binding, to } = relation;
  const { input } = binding.method;
  try {
    const json: JsonObject = {};
    if (value !== undefined) setParameter(json, input, to, [value]);
    const request = toBinary(input, readJson(image, input, json));
    const answer = await caller.unary(binding.method, [request], options);
    put(answerJson(image, binding, answer).json);
  } catch (thrown) {
    put({ error: statusJson(MeshError.from(thrown)) as JsonValue });
  }
}

function refused(received: string, description: string): MeshError {
  return MeshError.invalid(`"${received}" cannot be embedded`, [
    { field: 'expand', description, reason: 'UNKNOWN_RELATION' },
  ]);
}
