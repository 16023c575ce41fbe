import type { Intention } from '../consul/types.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import { fitsRequest } from './permissions.ts';
import type { SpiffeId } from './spiffe.ts';

/**
 * Who may call this service. Implementations: consul/intentions.ts (what Consul's operators say), and the
 * list that stands by itself, below.
 *
 * - **Asked for every call**, so it answers from memory, at once, and never throws.
 * - **Static while its source is away**: what was said last goes on, refusals as well as permissions.
 * - **By Consul's rules**: of the intentions that fit the pair only the most exact one counts, whether it allows
 *   or denies; without one the default does. A change holds for every call that begins after it; streams that run
 *   are not cut, as Consul cuts no connections.
 */
export interface Intentions extends Closeable {
  /** Whether `source` may call the method at `path`, as "/shop.payments.v1.PaymentsService/Charge". */
  verdict(source: SpiffeId, path: string): Verdict;
}

/** What stands for a call, and in whose name. */
export interface Verdict {
  readonly allowed: boolean;
  /** In words, as "the intention orders -> payments denies it". */
  readonly because: string;
  /** What an operator types to allow it. */
  readonly remedy: string;
}

/** Everything that was said, and what holds where nothing was. */
export interface Said {
  readonly intentions: readonly Intention[];
  readonly byDefault: 'allow' | 'deny';
}

/** Verdicts over calls to `own` by what was said; the answers are kept, for the same few ask again and again. */
export function judge(own: SpiffeId, { intentions, byDefault }: Said): Intentions['verdict'] {
  const here = intentions
    .filter((each) => concerns(each, own))
    .sort((one, other) => other.precedence - one.precedence);
  const known = new Map<string, (path: string) => Verdict>();
  return (source, path) => {
    let verdictOf = known.get(source.uri);
    if (verdictOf === undefined) {
      verdictOf = verdictFor(source, own, { intentions: here, byDefault });
      // Whoever holds a certificate of the mesh is one of a few; the bound is for a CA gone wild.
      if (known.size < 10_000) known.set(source.uri, verdictOf);
    }
    return verdictOf(path);
  };
}

function verdictFor(
  source: SpiffeId,
  own: SpiffeId,
  { intentions, byDefault }: Said,
): (path: string) => Verdict {
  const pair = `${source.service} ${own.service}`;
  const remedy = `consul intention create -replace -allow ${pair}`;
  const otherwise: Verdict = {
    allowed: byDefault === 'allow',
    because: `no intention speaks of it, and the default is to ${byDefault}`,
    remedy: `consul intention create -allow ${pair}`,
  };
  const found = intentions.find(({ source: from, sourceNamespace: space }) =>
    fits(from, source.service, space, source.namespace),
  );
  if (found === undefined) return () => otherwise;
  const name = `the intention ${found.source} -> ${found.destination}`;
  if (found.permissions.length === 0) {
    const allowed = found.action === 'allow' && !found.needsToken;
    const says = found.needsToken ? 'wants a token (JWT), which weft does not read' : 'denies it';
    const verdict = { allowed, because: `${name} ${allowed ? 'allows it' : says}`, remedy };
    return () => verdict;
  }
  const change = `consul config read -kind service-intentions -name ${found.destination}`;
  return (path) => {
    const permission = found.permissions.find((each) => fitsRequest(each, path));
    if (permission === undefined) {
      const because = `${name} has no permission for it, and the default is to ${byDefault}`;
      return { ...otherwise, because, remedy: change };
    }
    const allowed = permission.action === 'allow' && !found.needsToken;
    const because = `a permission of ${name} ${allowed ? 'allows' : 'denies'} it`;
    return { allowed, because, remedy: change };
  };
}

/** Intentions of peers are of other clusters: their "orders" is not ours, and comes with another trust domain. */
function concerns(each: Intention, own: SpiffeId): boolean {
  if (each.sourcePeer !== '') return false;
  return fits(each.destination, own.service, each.destinationNamespace, own.namespace);
}

function fits(name: string, service: string, space: string, namespace: string): boolean {
  const sameSpace = space === '' || space === '*' || space === namespace;
  return sameSpace && (name === '*' || name === service);
}

/** What was said once and for all: for tests, and for those who read it from elsewhere. */
export function fixedIntentions(own: SpiffeId, said: Said): Intentions {
  return { verdict: judge(own, said), close: () => Promise.resolve() };
}
