import { randomFillSync } from 'node:crypto';

/** Chance as a port, so that a seed replays a run. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** `bytes` random bytes as lower-case hexadecimal digits. */
  hex(bytes: number): string;
}

// Each turn to the kernel for chance costs a microsecond or two; a page of it serves hundreds of span ids.
const page = Buffer.alloc(4096);
let used = page.length;

/** The randomness of the machine. */
export const systemRandom: Random = {
  next: () => Math.random(),
  hex(bytes) {
    if (bytes > page.length) return randomFillSync(Buffer.alloc(bytes)).toString('hex');
    if (used + bytes > page.length) {
      randomFillSync(page);
      used = 0;
    }
    used += bytes;
    return page.toString('hex', used - bytes, used);
  },
};

/** `ms` moved by up to `share` of itself either way: jitter(100, 0.2, random) is in [80, 120). */
export function jitter(ms: number, share: number, random: Random): number {
  return ms * (1 - share + 2 * share * random.next());
}

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * A sortable identifier of 26 characters in the layout of ULID (github.com/ulid/spec): 48 bits of wall
 * time, 80 bits of chance. As a primary key it keeps inserts at the end of the index.
 */
export function sortableId(nowMs: number, random: Random): string {
  const chance = random.hex(10);
  let text = digits(Math.floor(nowMs), 10);
  // 20 bits at a time: exact as numbers, and several times cheaper than a bigint.
  for (let i = 0; i < chance.length; i += 5) {
    text += digits(Number.parseInt(chance.slice(i, i + 5), 16), 4);
  }
  return text;
}

/** So many digits of five bits; whatever is higher is left out. */
function digits(value: number, count: number): string {
  let text = '';
  let rest = value;
  for (let i = 0; i < count; i++) {
    text = (alphabet[rest % 32] ?? '0') + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
