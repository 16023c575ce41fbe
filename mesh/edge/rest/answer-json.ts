import type { DescMessage } from '@bufbuild/protobuf';
import { fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf';
import type { Image } from '../../schema/image.ts';
import { type Binding, shownBy } from './bindings.ts';
import { isObject } from './read-json.ts';

/** What an answer shows: the message, or one field of it. */
export interface Shown {
  readonly json: JsonValue;
  /** The message that the JSON is of; undefined for a list or a scalar. */
  readonly message: DescMessage | undefined;
}

/** The bytes of an answer as JSON. Fields that stand at their default are shown: a zero is news to a reader of JSON. */
export function answerJson(
  { registry }: Pick<Image, 'registry'>,
  { method, responseBody }: Pick<Binding, 'method' | 'responseBody'>,
  bytes: Uint8Array,
): Shown {
  const { output } = method;
  const options = { registry, alwaysEmitImplicit: true };
  const json = toJson(output, fromBinary(output, bytes), options);
  const message = shownBy({ method, responseBody });
  if (responseBody === undefined) return { json, message };
  const part = isObject(json) ? json[responseBody.jsonName] : undefined;
  return { json: part ?? null, message };
}
