import type { Random } from '../../mesh/kernel/random.ts';

export interface Size {
  readonly services: number;
  readonly instances: number;
  /** Layers of services; each calls one or two services of the next. */
  readonly layers: number;
  /** Calls from outside, a second, for each instance. Default 0.5: a tenth of what the mesh can do. */
  readonly perInstance?: number;
}

/** One service: whom it calls, and how long its own work takes on average. */
export interface SimService {
  readonly name: string;
  readonly layer: number;
  readonly calls: readonly string[];
  readonly workMs: number;
}

/**
 * A layered graph, so that calls go several hops deep and never round. Every service of a layer but the first
 * is called by somebody: services are dealt out in turn before chance adds second links.
 */
export function topologyOf({ services, layers }: Size, random: Random): readonly SimService[] {
  const perLayer = Math.ceil(services / layers);
  const layerOf = (n: number): number => Math.floor(n / perLayer);
  const nameOf = (n: number): string => `service-${String(n).padStart(2, '0')}`;
  const all = Array.from({ length: services }, (_, n) => n);
  return all.map((n) => {
    const next = all.filter((other) => layerOf(other) === layerOf(n) + 1);
    const first = next[n % perLayer] ?? next[0];
    const second = next[Math.floor(random.next() * next.length)];
    const calls = new Set<number>();
    if (first !== undefined) calls.add(first);
    if (second !== undefined && random.next() < 0.4) calls.add(second);
    return {
      name: nameOf(n),
      layer: layerOf(n),
      calls: [...calls].map(nameOf),
      workMs: 5 + 10 * random.next(),
    };
  });
}
