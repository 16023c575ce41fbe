/*
 * W3C Baggage: facts about a piece of work that travel with everything it causes, through services that know
 * nothing of them. Never an authority: whoever is on the way can write it.
 */

/** One fact. */
export interface BaggageMember {
  readonly value: string;
  /** What is said of it in turn, as it travels: "ttl=60;internal". Passed on, never read. */
  readonly properties?: string;
}

/** Facts by their keys. */
export type Baggage = ReadonlyMap<string, BaggageMember>;

const maxMembers = 64;
const maxBytes = 8192;

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const octets = '[\\x21\\x23-\\x2b\\x2d-\\x3a\\x3c-\\x5b\\x5d-\\x7e]*';
const goodKey = new RegExp(`^${token}$`);
const pair = new RegExp(`^(${token})[ \\t]*=[ \\t]*(${octets})$`);
const property = new RegExp(`^${token}([ \\t]*=[ \\t]*${octets})?$`);

/**
 * Reads a `baggage` header; undefined when nothing in it is of use. Members that are malformed are left out, and
 * so is what does not fit into the limits of the specification.
 */
export function parseBaggage(header: string): Baggage | undefined {
  const baggage = new Map<string, BaggageMember>();
  let bytes = 0;
  // The limit of `split` bounds the work that a stranger can cause.
  for (const each of header.split(',', 4 * maxMembers)) {
    const [key, member] = parseMember(each) ?? [];
    // Of two that say different things the last one holds.
    if (key === undefined || member === undefined) continue;
    if (baggage.size === maxMembers && !baggage.has(key)) break;
    if (bytes + each.length > maxBytes) continue;
    bytes += each.length + 1;
    baggage.set(key, member);
  }
  return baggage.size === 0 ? undefined : baggage;
}

function parseMember(text: string): readonly [string, BaggageMember] | undefined {
  const [said = '', ...properties] = text.split(';').map((part) => part.trim());
  const [, key, value] = pair.exec(said) ?? [];
  if (key === undefined || value === undefined) return undefined;
  if (!properties.every((each) => property.test(each))) return undefined;
  const more = properties.map((each) => each.replace(/[ \t]+/g, '')).join(';');
  return [key, { value: decode(value), ...(more !== '' && { properties: more }) }];
}

// It is written for every call of a piece of work, and is the same each time.
const written = new WeakMap<Baggage, string>();

/** The `baggage` header; what does not fit into the limits is left out. Undefined: nothing is left to say. */
export function formatBaggage(baggage: Baggage): string | undefined {
  const known = written.get(baggage);
  if (known !== undefined) return known || undefined;
  const members: string[] = [];
  let bytes = 0;
  for (const [key, { value, properties }] of baggage) {
    const member = `${key}=${encode(value)}${properties === undefined ? '' : `;${properties}`}`;
    if (members.length === maxMembers) break;
    if (bytes + member.length > maxBytes) continue;
    bytes += member.length + 1;
    members.push(member);
  }
  const header = members.join(',');
  written.set(baggage, header);
  return header || undefined;
}

// What may not stand in a value as it is, and "%", which would be taken for an escape.
const unsafe = /[^\x21\x23\x24\x26-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+/g;

function encode(value: string): string {
  // A lone surrogate has no UTF-8; it would throw.
  return value.toWellFormed().replace(unsafe, encodeURIComponent);
}

function decode(value: string): string {
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    // What is no UTF-8 is replaced (W3C Baggage, 3.3.1.3); a "%" that begins no escape means itself.
    return value.replace(/(%[0-9A-Fa-f]{2})+/g, (run) =>
      Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
    );
  }
}

/** The members with these keys alone; undefined: none of them is there. */
export function pickBaggage(
  baggage: Baggage | undefined,
  keys: ReadonlySet<string>,
): Baggage | undefined {
  if (baggage === undefined) return undefined;
  const kept = new Map([...baggage].filter(([key]) => keys.has(key)));
  return kept.size === 0 ? undefined : kept;
}

/** Whether a member can travel. */
export function isGoodMember(key: string, { properties }: BaggageMember): boolean {
  if (!goodKey.test(key)) return false;
  const said = properties?.split(';') ?? [];
  return said.every((each) => property.test(each) && !/[ \t]/.test(each));
}
