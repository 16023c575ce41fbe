import type { DescField, JsonObject } from '@bufbuild/protobuf';
import { type DescMessage } from '@bufbuild/protobuf';
import { MeshError } from '../../kernel/error.ts';
import { isMarked } from '../../schema/options.ts';
import type { EdgeRequest } from '../edge-request.ts';

/** The number of weft.v1.idempotency_key. */
const keyNumber = 50807;

/** What can be a key: enough to be chance, and nothing that needs quoting. */
const goodKey = /^[A-Za-z0-9._:-]{8,128}$/;

/** The field of a request that makes repeated requests one, if its contract has one. */
export function keyFieldOf(message: DescMessage): DescField | undefined {
  return message.fields.find((field) => isMarked(field, keyNumber));
}

/**
 * The header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), with or without the quotes that the
 * draft wants. Throws INVALID_ARGUMENT for one that cannot be a key.
 */
export function idempotencyKeyOf({ headers }: EdgeRequest): string | undefined {
  const header = headers['idempotency-key'];
  if (typeof header !== 'string') return undefined;
  const key = header.replace(/^"(.*)"$/, '$1');
  if (goodKey.test(key)) return key;
  throw wrongKey("use 8 to 128 letters, digits, '.', '_', ':' and '-'", 'INVALID_KEY');
}

/** Puts the key of the header into its field. Throws when the body says another one. */
export function setKey(json: JsonObject, field: DescField, key: string): void {
  const said = json[field.jsonName] ?? json[field.name];
  if (said !== undefined && said !== '' && said !== key) {
    throw wrongKey(`the body says another one in ${field.name}; send one of them`, 'TWO_KEYS');
  }
  Reflect.deleteProperty(json, field.name);
  json[field.jsonName] = key;
}

function wrongKey(description: string, reason: string): MeshError {
  return MeshError.invalid('the request cannot be understood', [
    { field: 'Idempotency-Key', description, reason },
  ]);
}
