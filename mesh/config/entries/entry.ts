import type { ConfigEntry } from '../../consul/types.ts';
import type { SubsetFilter } from './subset-filter.ts';

/*
 * Consul's config entries as weft follows them. Field names are Consul's where the entry is written
 * (docs/guides/traffic.md says which of them are followed).
 */

/** A service-resolver: which instances are meant by a service. */
export interface ResolverEntry {
  readonly subsets: ReadonlyMap<string, SubsetFilter>;
  /** Undefined for all instances. */
  readonly defaultSubset: string | undefined;
  readonly redirect: Reference | undefined;
  /** By subset; "*" for those that are not named. */
  readonly failover: ReadonlyMap<string, readonly Reference[]>;
}

/** A service-splitter: which share of the calls goes where. */
export interface SplitterEntry {
  readonly legs: readonly { readonly weight: number; readonly to: Reference }[];
}

/** A service-router: which calls go elsewhere; the first route that matches decides. */
export interface RouterEntry {
  readonly routes: readonly Route[];
}

export interface Route {
  readonly match: RouteMatch;
  readonly to: Reference;
  readonly timeoutMs: number | undefined;
}

export interface RouteMatch {
  /** Judges the path of the method; the same for all calls of one. */
  readonly path: (path: string) => boolean;
  /** All must hold; the value is undefined where the call carries no such metadata. */
  readonly headers: readonly {
    readonly name: string;
    readonly holds: (value: string | undefined) => boolean;
  }[];
}

/** A service and a subset of it; what is undefined is the service that the entry is about, or no subset. */
export interface Reference {
  readonly service: string | undefined;
  readonly subset: string | undefined;
}

/** Everything that is said about where calls go, by service. */
export interface Entries {
  resolver(service: string): ResolverEntry | undefined;
  splitter(service: string): SplitterEntry | undefined;
  router(service: string): RouterEntry | undefined;
}

/** Reads one kind of entry. Throws EntryFault for what cannot be followed; `ignored` is told of what is not. */
export type EntryReader<T> = (fields: ConfigEntry['fields'], ignored: (what: string) => void) => T;
