import type {
  EntryReader,
  Reference,
  ResolverEntry,
  Route,
  RouteMatch,
  RouterEntry,
  SplitterEntry,
} from './entry.ts';
import { EntryFault } from './fault.ts';
import {
  common,
  durationAt,
  elsewhereOf,
  type Fields,
  partAt,
  partsAt,
  referenceAt,
  tellUnknown,
  textAt,
} from './fields.ts';
import { patternOf } from './pattern.ts';
import { subsetFilter } from './subset-filter.ts';

type Ignored = (what: string) => void;

const referenceFields = [
  ...['Service', 'ServiceSubset', 'Namespace', 'Partition', 'Datacenter', 'Datacenters'],
  ...['Peer', 'SamenessGroup'],
];

export const readResolver: EntryReader<ResolverEntry> = (fields, ignored) => {
  tellUnknown(fields, [...common, 'DefaultSubset', 'Subsets', 'Redirect', 'Failover'], ignored);
  const subsets = Object.entries(partAt(fields, 'Subsets') ?? {}).map(([name, value]) => {
    const subset = value as Fields;
    // weft sends no calls to an instance that is not passing, so OnlyPassing is how it always is.
    tellUnknown(subset, ['Filter', 'OnlyPassing'], (what) => ignored(`Subsets.${name}.${what}`));
    return [
      name,
      within(`Subsets.${name}`, () => subsetFilter(textAt(subset, 'Filter') ?? '')),
    ] as const;
  });
  const redirect = partAt(fields, 'Redirect');
  if (redirect) tellUnknown(redirect, referenceFields, (what) => ignored(`Redirect.${what}`));
  const failover = Object.entries(partAt(fields, 'Failover') ?? {}).map(
    ([name, value]) => [name, readFailover(value as Fields, `Failover.${name}`, ignored)] as const,
  );
  return {
    subsets: new Map(subsets),
    defaultSubset: textAt(fields, 'DefaultSubset'),
    redirect: redirect && within('Redirect', () => referenceAt(redirect)),
    failover: new Map(failover),
  };
};

/** A place in another datacenter is passed over: those that are left are better than none. */
function readFailover(fields: Fields, where: string, ignored: Ignored): Reference[] {
  const targets = partsAt(fields, 'Targets');
  return (targets.length > 0 ? targets : [fields]).flatMap((place) => {
    tellUnknown(place, [...referenceFields, 'Targets'], (what) => ignored(`${where}.${what}`));
    const elsewhere = elsewhereOf(place);
    if (elsewhere === undefined) return [referenceAt(place)];
    ignored(`${where}: ${elsewhere}`);
    return [];
  });
}

export const readSplitter: EntryReader<SplitterEntry> = (fields, ignored) => {
  tellUnknown(fields, [...common, 'Splits'], ignored);
  const legs = partsAt(fields, 'Splits').map((split, index) => {
    const where = `Splits.${index}`;
    tellUnknown(split, [...referenceFields, 'Weight'], (what) => ignored(`${where}.${what}`));
    const weight = split['Weight'] ?? 0;
    if (typeof weight !== 'number' || !(weight >= 0))
      throw new EntryFault(`${where}.Weight is no weight`);
    return { weight, to: within(where, () => referenceAt(split)) };
  });
  if (legs.every(({ weight }) => weight === 0)) throw new EntryFault('all weights are 0');
  return { legs };
};

export const readRouter: EntryReader<RouterEntry> = (fields, ignored) => {
  tellUnknown(fields, [...common, 'Routes'], ignored);
  const routes = partsAt(fields, 'Routes').map((route, index) => {
    const where = `Routes.${index}`;
    return within(where, () => readRoute(route, (what) => ignored(`${where}.${what}`)));
  });
  return { routes };
};

const destinationFields = [...referenceFields, 'RequestTimeout', 'PrefixRewrite'];

function readRoute(fields: Fields, ignored: Ignored): Route {
  tellUnknown(fields, ['Match', 'Destination'], ignored);
  const destination = partAt(fields, 'Destination') ?? {};
  // Retries are of HTTP's status codes there; weft's own are in the schema and the live policy.
  tellUnknown(destination, destinationFields, (what) => ignored(`Destination.${what}`));
  if (textAt(destination, 'PrefixRewrite') !== undefined) {
    throw new EntryFault(
      'Destination.PrefixRewrite would call another method: gRPC has its methods in the path',
    );
  }
  return {
    match: readMatch(partAt(partAt(fields, 'Match') ?? {}, 'HTTP') ?? {}, ignored),
    to: referenceAt(destination),
    timeoutMs: durationAt(destination, 'RequestTimeout'),
  };
}

function readMatch(fields: Fields, ignored: Ignored): RouteMatch {
  const known = ['PathExact', 'PathPrefix', 'PathRegex', 'Header', 'Methods', 'QueryParam'];
  tellUnknown(fields, known, (what) => ignored(`Match.${what}`));
  if (!mayBeGrpc(fields)) return { path: () => false, headers: [] };
  const headers = partsAt(fields, 'Header').map((header) => {
    const name = textAt(header, 'Name');
    if (name === undefined) throw new EntryFault('a header without a name');
    tellUnknown(header, headerFields, (what) => ignored(`Match.Header.${what}`));
    return { name: name.toLowerCase(), holds: readHeader(header) };
  });
  return { path: readPath(fields), headers };
}

/** Every call of gRPC is a POST without a query; a route for anything else matches none. */
function mayBeGrpc(fields: Fields): boolean {
  const methods = (fields['Methods'] ?? []) as readonly unknown[];
  const post = methods.length === 0 || methods.includes('POST');
  return post && partsAt(fields, 'QueryParam').length === 0;
}

function readPath(fields: Fields): RouteMatch['path'] {
  const exact = textAt(fields, 'PathExact');
  if (exact !== undefined) return (path) => path === exact;
  const prefix = textAt(fields, 'PathPrefix');
  if (prefix !== undefined) return (path) => path.startsWith(prefix);
  const regex = textAt(fields, 'PathRegex');
  return regex === undefined ? () => true : patternOf(regex, true);
}

const headerFields = ['Name', 'Exact', 'Prefix', 'Suffix', 'Regex', 'Present', 'Invert'];

function readHeader(header: Fields): (value: string | undefined) => boolean {
  const holds = valueRule(header);
  return header['Invert'] === true ? (value) => !holds(value) : holds;
}

function valueRule(header: Fields): (value: string | undefined) => boolean {
  const exact = textAt(header, 'Exact');
  if (exact !== undefined) return (value) => value === exact;
  const prefix = textAt(header, 'Prefix');
  if (prefix !== undefined) return (value) => value?.startsWith(prefix) === true;
  const suffix = textAt(header, 'Suffix');
  if (suffix !== undefined) return (value) => value?.endsWith(suffix) === true;
  const regex = textAt(header, 'Regex');
  if (regex !== undefined) {
    const pattern = patternOf(regex, true);
    return (value) => value !== undefined && pattern(value);
  }
  return (value) => value !== undefined;
}

/** Says where in the entry a fault is. */
function within<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof EntryFault) throw new EntryFault(`${where}: ${thrown.message}`);
    throw thrown;
  }
}
