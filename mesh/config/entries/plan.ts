import type { Metadata, MethodInfo } from '../../kernel/call.ts';
import type { Random } from '../../kernel/random.ts';
import { createShares } from '../shares.ts';
import type { Destination, TrafficPlan } from '../traffic.ts';
import type { Entries, Reference, Route, SplitterEntry } from './entry.ts';
import { EntryFault } from './fault.ts';

/*
 * Makes the plan of a target out of the entries, as Consul makes its discovery chain: router, then
 * splitter, then resolver. A route or a leg to another service goes on with that service's splitter if no
 * subset is named, and with its resolver; never with its router. A redirect goes on with the resolver of
 * whom it names. Failover is that of the resolver at the end, and has none itself.
 */

/** Throws EntryFault for entries that refer to what is not there, or to each other for ever. */
export function compilePlan(target: string, entries: Entries, random: Random): TrafficPlan {
  const places = createPlaces(entries);
  const whole = { service: target, subset: undefined };

  const chooser = (to: Reference, from: string, timeoutMs?: number): (() => number) => {
    const service = to.service ?? from;
    const splitter = to.subset === undefined ? entries.splitter(service) : undefined;
    if (splitter === undefined) {
      const place = places.add(resolve({ service, subset: to.subset }, entries), timeoutMs);
      return () => place;
    }
    const legs = flatten(service, splitter, entries, [service]);
    const indexes = legs.map(({ place }) => places.add(place, timeoutMs));
    const draw = createShares(
      legs.map(({ weight }) => weight),
      random,
    );
    return () => indexes[draw()] ?? 0;
  };

  const router = entries.router(target);
  if (router === undefined) {
    const choose = chooser(whole, target);
    return { destinations: places.all(), choose };
  }
  const routes = router.routes.map((route) => ({
    match: route.match,
    choose: chooser(route.to, target, route.timeoutMs),
  }));
  const choose = chooseByRoute(routes, chooser(whole, target));
  return { destinations: places.all(), choose };
}

interface CompiledRoute {
  readonly match: Route['match'];
  readonly choose: () => number;
}

function chooseByRoute(
  routes: readonly CompiledRoute[],
  otherwise: () => number,
): TrafficPlan['choose'] {
  // Paths of methods are few, and calls are many: the routes are looked through once for each path.
  const byPath = new Map<string, readonly CompiledRoute[]>();
  return (method: MethodInfo, metadata: Metadata) => {
    let candidates = byPath.get(method.path);
    if (candidates === undefined) {
      candidates = routes.filter((route) => route.match.path(method.path));
      byPath.set(method.path, candidates);
    }
    for (const { match, choose } of candidates) {
      if (match.headers.every(({ name, holds }) => holds(textOf(metadata[name])))) return choose();
    }
    return otherwise();
  };
}

/** A value of metadata as it stands in a header: several are one list, bytes are base64. */
function textOf(value: Metadata[string] | undefined): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return value.length === 0 ? undefined : value.map((each) => textOf(each)).join(',');
}

/** Instances of one service, all or those of a subset. */
interface Place {
  readonly service: string;
  readonly subset: string | undefined;
}

/** The legs of a splitter, with those of the splitters that it leads to in their stead. */
function flatten(
  service: string,
  splitter: SplitterEntry,
  entries: Entries,
  path: readonly string[],
): { readonly weight: number; readonly place: Place }[] {
  const total = splitter.legs.reduce((sum, { weight }) => sum + weight, 0);
  return splitter.legs.flatMap(({ weight, to }) => {
    const next = to.service ?? service;
    const share = weight / total;
    const inner = to.subset === undefined && next !== service ? entries.splitter(next) : undefined;
    if (inner === undefined) {
      return [{ weight: share, place: resolve({ service: next, subset: to.subset }, entries) }];
    }
    if (path.includes(next)) throw circle([...path, next]);
    return flatten(next, inner, entries, [...path, next]).map((leg) => ({
      ...leg,
      weight: leg.weight * share,
    }));
  });
}

/** Follows redirects and default subsets to the end. */
function resolve(start: Place, entries: Entries): Place {
  const path: string[] = [];
  let place = start;
  for (;;) {
    path.push(place.service);
    if (path.length > longestChain) throw circle(path);
    const redirect = entries.resolver(place.service)?.redirect;
    const next = redirect === undefined ? place : redirected(place, redirect);
    if (next.service === place.service && next.subset === place.subset) break;
    place = next;
  }
  const resolver = entries.resolver(place.service);
  const subset = place.subset ?? resolver?.defaultSubset;
  if (subset !== undefined && resolver?.subsets.has(subset) !== true) {
    throw new EntryFault(`"${place.service}" has no subset "${subset}" in its service-resolver`);
  }
  return { service: place.service, subset };
}

/** Redirects that a chain may have; Consul refuses circles, but not all of them at once. */
const longestChain = 16;

/** Another service has other subsets: that of the first one is forgotten. */
function redirected({ service, subset }: Place, to: Reference): Place {
  const next = to.service ?? service;
  return { service: next, subset: to.subset ?? (next === service ? subset : undefined) };
}

function circle(path: readonly string[]): EntryFault {
  return new EntryFault(`the entries lead in a circle: ${path.slice(0, 8).join(' -> ')}`);
}

interface Places {
  /** The number of the destination for a place. */
  add(place: Place, timeoutMs: number | undefined): number;
  all(): readonly Destination[];
}

function createPlaces(entries: Entries): Places {
  const destinations: Destination[] = [];
  const numbers = new Map<string, number>();

  const number = (place: Place, timeoutMs: number | undefined): number => {
    const name = nameOf(place, timeoutMs);
    const known = numbers.get(name);
    if (known !== undefined) return known;
    const added = destinations.length;
    numbers.set(name, added);
    destinations.push({
      name,
      service: place.service,
      matches: filterOf(place, entries),
      ...(timeoutMs !== undefined && { timeoutMs }),
    });
    return added;
  };

  return {
    add(place, timeoutMs) {
      const known = numbers.get(nameOf(place, timeoutMs));
      const index = known ?? number(place, timeoutMs);
      const destination = destinations[index];
      if (destination === undefined || destination.failover !== undefined) return index;
      const failover = failoverOf(place, entries).map((next) => number(next, timeoutMs));
      if (failover.length > 0) destinations[index] = { ...destination, failover };
      return index;
    },
    all: () => destinations,
  };
}

function nameOf({ service, subset }: Place, timeoutMs: number | undefined): string {
  const place = subset === undefined ? service : `${service}/${subset}`;
  // The same instances twice: a place whose calls have another time is another destination.
  return timeoutMs === undefined ? place : `${place}@${timeoutMs}ms`;
}

function filterOf({ service, subset }: Place, entries: Entries): Destination['matches'] {
  const filter = subset === undefined ? undefined : entries.resolver(service)?.subsets.get(subset);
  return filter ?? (() => true);
}

function failoverOf(place: Place, entries: Entries): Place[] {
  const failover = entries.resolver(place.service)?.failover;
  const said = failover?.get(place.subset ?? '') ?? failover?.get('*') ?? [];
  const places = said.map((to) => resolve(redirected(place, to), entries));
  return places.filter((next) => nameOf(next, undefined) !== nameOf(place, undefined));
}
