import type { Resolver } from '../../mesh/discovery/resolver.ts';
import type { Clock } from '../../mesh/kernel/clock.ts';
import { childTrace, runInContext } from '../../mesh/kernel/context.ts';
import type { Random } from '../../mesh/kernel/random.ts';
import { createPeers, type Peers } from '../../mesh/rpc/client/peers.ts';
import { type Note, simDefinition } from './definition.ts';
import type { Network } from './network.ts';
import { createSimServer, type SimServer } from './server.ts';
import type { SimService } from './topology.ts';

/** What all processes of the simulated mesh share. */
export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly resolver: Resolver;
  /** Hears of every call that a stub is asked for. */
  readonly called: (from: string, to: string) => void;
}

/** Asks one service, with everything that weft's client does for a call. */
export type Ask = (note: Note) => Promise<Note>;

/** The client side of one process: real weft, with a stub for each service that it calls. */
export function createCaller(
  world: World,
  from: string,
  targets: readonly string[],
  timeoutMs: number,
): { readonly peers: Peers; readonly asks: readonly Ask[] } {
  const { clock, random, network, resolver, called } = world;
  const transport = network.transportOf(from);
  const peers = createPeers({ clock, random, resolver, transport });
  const asks = targets.map((target): Ask => {
    const stub = peers.client(simDefinition, { target, timeoutMs });
    return (note) => {
      called(from, target);
      return stub.ask(note);
    };
  });
  return { peers, asks };
}

/** One instance of a service: a server whose handler asks the services behind it, one after the other. */
export function createInstance(
  world: World,
  service: SimService,
  name: string,
): { readonly server: SimServer; readonly peers: Peers } {
  const { clock, random } = world;
  const { peers, asks } = createCaller(world, name, service.calls, 500);
  const server = createSimServer({
    name,
    clock,
    random,
    workMs: service.workMs,
    handle: ({ note, deadline, cancellation }) => {
      const trace = childTrace(undefined, random);
      return runInContext({ trace, cancellation, ...(deadline && { deadline }) }, async () => {
        for (const ask of asks) await ask(note);
      });
    },
  });
  return { server, peers };
}
