import type { Endpoint } from '../../kernel/endpoint.ts';
import { EntryFault } from './fault.ts';
import { patternOf } from './pattern.ts';

/*
 * The filters of subsets (service-resolver, "Subsets.<name>.Filter") are expressions of HashiCorp's bexpr.
 * Consul could evaluate them itself, by a query for each subset; here they are evaluated over what is known
 * of an instance anyway: one watch then serves all subsets, and they hold while Consul is away. Grammar and
 * meaning were compared with Consul 1.8.7 (subset-filter.test.ts does it again); Consul does not check a
 * filter when it is written, so a faulty one is first noticed here.
 *
 *   or     = and { "or" and }
 *   and    = not { "and" not }
 *   not    = "not" not | "(" or ")" | match
 *   match  = selector ("==" | "!=" | [not] "matches" | [not] "contains") value
 *          | selector "is" [not] "empty" | value [not] "in" selector
 */

/** Whether an instance belongs to a subset. */
export type SubsetFilter = (endpoint: Endpoint) => boolean;

/** What can be said of an instance; `keyed` is a value in its metadata, which may be missing. */
type Selected =
  | { readonly kind: 'text'; readonly read: (endpoint: Endpoint) => string | undefined }
  | { readonly kind: 'port'; readonly read: (endpoint: Endpoint) => string }
  | { readonly kind: 'map' };

const longestFilter = 2_048;
const deepest = 32;

/** Reads a filter; "" holds for every instance. Throws EntryFault for what it does not understand. */
export function subsetFilter(text: string): SubsetFilter {
  if (text === '') return () => true;
  if (text.length > longestFilter) {
    throw new EntryFault(`the filter is longer than ${longestFilter} characters`);
  }
  const scanner = createScanner(text);
  const filter = readOr(scanner, 0);
  scanner.take(/\s*/y);
  if (!scanner.atEnd()) throw scanner.fault('"and", "or" or the end');
  return filter;
}

function readOr(scanner: Scanner, depth: number): SubsetFilter {
  const either = [readAnd(scanner, depth)];
  while (scanner.take(/\s+or\s+/y) !== undefined) either.push(readAnd(scanner, depth));
  return either.length === 1 && either[0]
    ? either[0]
    : (endpoint) => either.some((each) => each(endpoint));
}

function readAnd(scanner: Scanner, depth: number): SubsetFilter {
  const all = [readNot(scanner, depth)];
  while (scanner.take(/\s+and\s+/y) !== undefined) all.push(readNot(scanner, depth));
  return all.length === 1 && all[0] ? all[0] : (endpoint) => all.every((each) => each(endpoint));
}

function readNot(scanner: Scanner, depth: number): SubsetFilter {
  if (depth > deepest) throw new EntryFault(`the filter nests deeper than ${deepest} levels`);
  scanner.take(/\s*/y);
  if (scanner.take(/not\s+/y) !== undefined) {
    const inner = readNot(scanner, depth + 1);
    return (endpoint) => !inner(endpoint);
  }
  if (scanner.take(/\(\s*/y) === undefined) return readMatch(scanner);
  const inner = readOr(scanner, depth + 1);
  if (scanner.take(/\s*\)/y) === undefined) throw scanner.fault('")"');
  return inner;
}

const equality = /\s*(==|!=)\s*/y;
const comparison = /\s+(matches|not\s+matches|contains|not\s+contains)\s+/y;
const emptiness = /\s+is\s+(not\s+)?empty(?=\s|\)|$)/y;
const membership = /\s+(in|not\s+in)\s+/y;

function readMatch(scanner: Scanner): SubsetFilter {
  const value = readValue(scanner);
  const within = scanner.take(membership);
  if (within !== undefined) {
    const selector = readSelector(scanner);
    if (selector === undefined) throw scanner.fault('what to look in, as Service.Meta');
    return negated(within, holds(resolve(selector), value.text));
  }
  const subject = resolve(
    value.selector ?? bad(`${JSON.stringify(value.text)} cannot be compared`),
  );
  const empty = scanner.take(emptiness);
  if (empty !== undefined) return negated(empty, isEmpty(subject));
  const operator = scanner.take(equality) ?? scanner.take(comparison);
  if (operator === undefined) throw scanner.fault('a comparison, as == "v2"');
  const { text } = readValue(scanner);
  if (operator.includes('=')) return negated(operator, equals(subject, text));
  if (operator.includes('contains')) return negated(operator, holds(subject, text));
  return negated(operator, matches(subject, text));
}

function negated(operator: string, filter: SubsetFilter): SubsetFilter {
  const not = /!=|not/.test(operator);
  return not ? (endpoint) => !filter(endpoint) : filter;
}

function equals(subject: Selected, value: string): SubsetFilter {
  if (subject.kind === 'map')
    return bad('Service.Meta as a whole is not compared: name a key of it');
  if (subject.kind === 'port' && !/^-?\d+$/.test(value)) {
    return bad(`Service.Port is a number, and ${JSON.stringify(value)} is none`);
  }
  // What is missing equals nothing, not even the empty text.
  return (endpoint) => subject.read(endpoint) === value;
}

function holds(subject: Selected, value: string): SubsetFilter {
  if (subject.kind === 'map') return (endpoint) => Object.hasOwn(endpoint.metadata, value);
  if (subject.kind === 'port') return bad('Service.Port holds nothing');
  return (endpoint) => (subject.read(endpoint) ?? '').includes(value);
}

function matches(subject: Selected, value: string): SubsetFilter {
  if (subject.kind !== 'text') return bad('only a text matches a pattern');
  const pattern = patternOf(value, false);
  return (endpoint) => pattern(subject.read(endpoint) ?? '');
}

/** Consul refuses the question for texts; here it is answered: a text that is missing or has no character. */
function isEmpty(subject: Selected): SubsetFilter {
  if (subject.kind === 'map') return (endpoint) => Object.keys(endpoint.metadata).length === 0;
  return (endpoint) => (subject.read(endpoint) ?? '') === '';
}

interface Value {
  readonly text: string;
  /** Present if the value could be a selector too: bexpr takes a bare word for either. */
  readonly selector?: readonly string[];
}

function readValue(scanner: Scanner): Value {
  const number = scanner.take(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?=\s|\)|$)/y);
  if (number !== undefined) return { text: number };
  const quoted = readQuoted(scanner);
  if (quoted !== undefined) return { text: quoted };
  const selector = readSelector(scanner);
  if (selector !== undefined) return { text: selector.join('.'), selector };
  throw scanner.fault('a selector as Service.Meta.version, or a value as "v2"');
}

function readQuoted(scanner: Scanner): string | undefined {
  const raw = scanner.take(/`[^`]*`/y);
  if (raw !== undefined) return raw.slice(1, -1);
  const quoted = scanner.take(/"[^"]*"/y);
  if (quoted === undefined) return undefined;
  try {
    // Go and JSON agree on the escapes that anyone uses here.
    return JSON.parse(quoted) as string;
  } catch {
    return bad(`${quoted} is no text: write it between backquotes`);
  }
}

function readSelector(scanner: Scanner): readonly string[] | undefined {
  const first = scanner.take(/[A-Za-z]\w*/y);
  if (first === undefined) return undefined;
  const path = [first];
  for (;;) {
    const next = scanner.take(/\.[A-Za-z]\w*/y)?.slice(1) ?? readIndex(scanner);
    if (next === undefined) return path;
    path.push(next);
  }
}

function readIndex(scanner: Scanner): string | undefined {
  if (scanner.take(/\[\s*/y) === undefined) return undefined;
  const key = readQuoted(scanner);
  if (key === undefined || scanner.take(/\s*\]/y) === undefined) throw scanner.fault('["a-key"]');
  return key;
}

/** What a selector stands for. Whatever Consul knows and weft does not is refused, never taken for empty. */
function resolve(path: readonly string[]): Selected {
  const [room, field, key, ...rest] = path;
  if (room === 'Service' && rest.length === 0) {
    if (field === 'Meta' && key !== undefined) {
      return {
        kind: 'text',
        read: ({ metadata }) => (Object.hasOwn(metadata, key) ? metadata[key] : undefined),
      };
    }
    if (key === undefined) {
      if (field === 'Meta') return { kind: 'map' };
      if (field === 'ID') return { kind: 'text', read: (endpoint) => endpoint.instanceId };
      if (field === 'Service') return { kind: 'text', read: (endpoint) => endpoint.service };
      if (field === 'Address') return { kind: 'text', read: (endpoint) => endpoint.host };
      if (field === 'Port') return { kind: 'port', read: (endpoint) => String(endpoint.port) };
    }
  }
  return bad(
    `${path.join('.')} is not known of an instance: use Service.Meta.<key>, Service.ID, Service.Service, Service.Address or Service.Port`,
  );
}

function bad(message: string): never {
  throw new EntryFault(message);
}

interface Scanner {
  /** The text that a sticky pattern matches here; steps over it. */
  take(pattern: RegExp): string | undefined;
  atEnd(): boolean;
  fault(wanted: string): EntryFault;
}

function createScanner(text: string): Scanner {
  let at = 0;
  return {
    take(pattern) {
      pattern.lastIndex = at;
      const found = pattern.exec(text);
      if (found === null) return undefined;
      at = pattern.lastIndex;
      return found[0];
    },
    atEnd: () => at === text.length,
    fault: (wanted) =>
      new EntryFault(`the filter ${JSON.stringify(text)} has no ${wanted} at character ${at + 1}`),
  };
}
