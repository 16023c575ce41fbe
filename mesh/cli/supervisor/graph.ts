/** Who waits for whom, by name. */
export type Edges = ReadonlyMap<string, readonly string[]>;

/**
 * The names in groups: each one stands in a later group than all it waits for. Those that wait for each
 * other in a circle stand together in one.
 */
export function inWaves(edges: Edges): string[][] {
  const left = new Map(
    [...edges].map(([name, waitsFor]) => [name, waitsFor.filter((other) => edges.has(other))]),
  );
  const waves: string[][] = [];
  while (left.size > 0) {
    const awaited = new Map([...left.keys()].map((name) => [name, reachable(left, name)]));
    // Next are those whom everything they wait for awaits in turn: nothing at all, or their own circle.
    const wave = [...awaited]
      .filter(([name, others]) => [...others].every((other) => awaited.get(other)?.has(name)))
      .map(([name]) => name);
    for (const name of wave) left.delete(name);
    waves.push(wave);
  }
  return waves;
}

/** All that `name` waits for, near and far, among the names that are left. */
function reachable(edges: Edges, name: string, seen = new Set<string>()): Set<string> {
  for (const next of edges.get(name) ?? []) {
    if (!edges.has(next) || seen.has(next)) continue;
    seen.add(next);
    reachable(edges, next, seen);
  }
  return seen;
}

/** One circle among the names, as "a -> b -> a"; undefined if there is none. */
export function circleIn(edges: Edges): string | undefined {
  const visit = (name: string, path: readonly string[]): string | undefined => {
    const seen = path.indexOf(name);
    if (seen !== -1) return [...path.slice(seen), name].join(' -> ');
    for (const next of edges.get(name) ?? []) {
      const circle = visit(next, [...path, name]);
      if (circle !== undefined) return circle;
    }
    return undefined;
  };
  for (const name of edges.keys()) {
    const circle = visit(name, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}
