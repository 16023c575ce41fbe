import { describe, MeshError } from '../../kernel/error.ts';
import type { Random } from '../../kernel/random.ts';

/** Gives the request of the n-th call, from 0. */
export type Requests = (n: number) => Uint8Array;

const placeholder = /\{\{\s*(\w+)\s*\}\}/g;

/**
 * The requests of a load: texts of JSON that take turns, with {{n}} as the number of the call and {{uuid}} as a
 * random UUID. What has no placeholder is encoded once. Throws INVALID_ARGUMENT for a text that is no request.
 */
export function requestsOf(
  texts: readonly string[],
  encode: (json: unknown) => Uint8Array,
  random: Random,
): Requests {
  const made = texts.map((text): Requests => {
    const filled = (n: number): Uint8Array => encode(parsed(fill(text, n, random)));
    const first = filled(0);
    // A new search each time: one with the flag g goes on where the last one ended.
    return text.search(placeholder) < 0 ? () => first : filled;
  });
  return (n) => {
    const request = made[n % made.length];
    if (request !== undefined) return request(n);
    throw new MeshError('no request was given; {} is the empty one', {
      status: 'INVALID_ARGUMENT',
      reason: 'ONE_REQUEST',
    });
  };
}

function fill(text: string, n: number, random: Random): string {
  return text.replaceAll(placeholder, (whole, name: string) => {
    if (name === 'n') return String(n);
    if (name === 'uuid') return uuid(random);
    throw new MeshError(`${whole} is no placeholder: there are {{n}} and {{uuid}}`, {
      status: 'INVALID_ARGUMENT',
      reason: 'UNKNOWN_PLACEHOLDER',
    });
  });
}

/** Version 4 of RFC 9562. */
function uuid(random: Random): string {
  const hex = random.hex(16);
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return [
    ...[hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`],
    ...[variant + hex.slice(17, 20), hex.slice(20)],
  ].join('-');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new MeshError(`the request is no JSON: ${describe(cause)}; ${text.slice(0, 80)}`, {
      ...{ status: 'INVALID_ARGUMENT', reason: 'INVALID_JSON', cause },
    });
  }
}
