import { createMemoryDiscovery } from '../../mesh/discovery/memory.ts';
import type { Endpoint } from '../../mesh/kernel/endpoint.ts';
import { MeshError } from '../../mesh/kernel/error.ts';
import type { Closeable } from '../../mesh/kernel/lifecycle.ts';
import type { Random } from '../../mesh/kernel/random.ts';
import type { Peers } from '../../mesh/rpc/client/peers.ts';
import { createSeededRandom } from '../../mesh/testing/seeded-random.ts';
import { type Fault, faultsOf, type Levers } from './faults.ts';
import { replaceGlobals } from './globals.ts';
import { createCaller, createInstance, type World } from './instance.ts';
import { createNetwork, type Network } from './network.ts';
import { recoveryOf, type Second, type SimReport } from './report.ts';
import { type SimService, type Size, topologyOf } from './topology.ts';
import { createTrace, type Trace } from './trace.ts';
import { createVirtualTime, type VirtualTime } from './virtual-time.ts';

/** Calls come for this long, in ms: the faults, and fifteen seconds after the last. */
export const loadMs = 85_000;
/** What is left to end after that, in ms: more than any deadline. */
const restMs = 5000;
/** Until discovery takes out an instance that is gone, in ms. */
const noticeMs = 1500;
const edge = 'edge';

/**
 * A whole mesh in one process, on a virtual clock: every instance calls with weft's real client (deadline,
 * breaker, bulkhead, retries and budget, balancer), over a network and servers that are simulated, while
 * instances crash, slow down, are cut off, and all is overloaded. All chance comes from the seed.
 */
export async function simulate(seed: number, size: Size): Promise<SimReport> {
  // Taken before it is replaced: how the simulation lets promises settle between two events.
  const turn = setImmediate;
  const time = createVirtualTime();
  const random = createSeededRandom(seed);
  const restore = replaceGlobals(time, random);
  try {
    const mesh = await createMesh(time, random, size);
    const untilMs = loadMs + restMs;
    do await new Promise((resolve) => turn(resolve));
    while (time.step(untilMs));
    return mesh.report(seed);
  } finally {
    restore();
  }
}

interface SimMesh {
  report(seed: number): SimReport;
}

async function createMesh(time: VirtualTime, random: Random, size: Size): Promise<SimMesh> {
  const { clock } = time;
  const trace = createTrace();
  const counts = createHopCounts();
  const discovery = createMemoryDiscovery();
  const network = createNetwork({
    clock,
    random,
    observe: (from, to, attempt, outcome) => {
      counts.attempt(from, serviceOf(to));
      trace.add(clock.monotonic(), `${from} ${to} ${String(attempt)} ${outcome}`);
    },
  });
  const world: World = {
    clock,
    random,
    network,
    resolver: discovery.resolver,
    called: counts.call,
  };
  const services = topologyOf(size, random);
  const peers: Peers[] = [];
  const leases = new Map<string, Closeable>();
  const register = async (instance: string): Promise<void> => {
    leases.set(instance, await discovery.registry.register(endpointOf(instance)));
  };

  for (const service of services) {
    for (let n = 0; n < size.instances; n++) {
      const name = `${service.name}-${String(n)}`;
      const instance = createInstance(world, service, name);
      network.servers.set(name, instance.server);
      peers.push(instance.peers);
      await register(name);
    }
  }
  const outside = createOutside(world, services, trace);
  peers.push(outside.peers);
  const levers = leversOf({ time, network, leases, register, outside });
  const faults = faultsOf(levers.instances, random);
  const tellAnd = (act: () => void, what: string): void => {
    trace.add(clock.monotonic(), what);
    act();
  };
  for (const fault of faults) {
    time.at(fault.fromMs, () => tellAnd(() => fault.begin(levers), `begin ${fault.name}`));
    time.at(fault.toMs, () => tellAnd(() => fault.end(levers), `end ${fault.name}`));
  }
  const { services: kinds, instances, perInstance = 0.5 } = size;
  outside.start(time, random, kinds * instances * perInstance);
  return { report: (seed) => reportOf({ seed, trace, counts, outside, faults, network, peers }) };
}

function endpointOf(instanceId: string): Endpoint {
  const port = 10_000 + Number(instanceId.replaceAll(/\D/g, ''));
  return { instanceId, service: serviceOf(instanceId), host: '10.0.0.1', port, metadata: {} };
}

function serviceOf(instance: string): string {
  return instance.slice(0, instance.lastIndexOf('-'));
}

interface HopCounts {
  call(from: string, to: string): void;
  attempt(from: string, to: string): void;
  readonly hops: SimReport['hops'];
}

function createHopCounts(): HopCounts {
  const hops = new Map<string, { from: string; to: string; calls: number; attempts: number }>();
  const of = (from: string, to: string) => {
    const key = `${from} ${to}`;
    const known = hops.get(key) ?? { from, to, calls: 0, attempts: 0 };
    hops.set(key, known);
    return known;
  };
  return {
    call: (from, to) => of(from, to).calls++,
    attempt: (from, to) => of(from, to).attempts++,
    get hops() {
      return [...hops.values()];
    },
  };
}

/** The world outside: calls to the services of the first layer, as a Poisson process. */
interface Outside {
  readonly peers: Peers;
  times: number;
  start(time: VirtualTime, random: Random, perSecond: number): void;
  readonly seconds: readonly Second[];
  readonly calls: number;
  readonly answered: number;
  readonly failed: number;
}

function createOutside(world: World, services: readonly SimService[], trace: Trace): Outside {
  const doors = services.filter(({ layer }) => layer === 0).map(({ name }) => name);
  const { peers, asks } = createCaller(world, edge, doors, 1000);
  const { clock } = world;
  const seconds = Array.from({ length: loadMs / 1000 }, () => ({ good: 0, calls: 0 }));

  async function call(random: Random): Promise<void> {
    const ask = asks[Math.floor(random.next() * asks.length)];
    const second = seconds[Math.floor(clock.monotonic() / 1000)] ?? { good: 0, calls: 0 };
    const id = String(outside.calls++);
    second.calls++;
    let outcome = 'OK';
    try {
      await ask?.({ id });
      outside.answered++;
      second.good++;
    } catch (thrown) {
      outside.failed++;
      outcome = MeshError.from(thrown).message;
    }
    trace.add(clock.monotonic(), `call ${id} ${outcome}`);
  }

  const outside = {
    peers,
    times: 1,
    seconds,
    calls: 0,
    answered: 0,
    failed: 0,
    start(time: VirtualTime, random: Random, perSecond: number) {
      const next = (): void => {
        const nowMs = clock.monotonic();
        if (nowMs >= loadMs) return;
        void call(random);
        const gapMs = (-Math.log(1 - random.next()) * 1000) / (perSecond * outside.times);
        time.at(nowMs + gapMs, next);
      };
      time.at(0, next);
    },
  };
  return outside;
}

function leversOf(parts: {
  readonly time: VirtualTime;
  readonly network: Network;
  readonly leases: Map<string, Closeable>;
  readonly register: (instance: string) => Promise<void>;
  readonly outside: Outside;
}): Levers {
  const { time, network, leases, register, outside } = parts;
  return {
    instances: [...network.servers.keys()],
    crash(instance) {
      network.down.add(instance);
      network.servers.get(instance)?.crash();
      network.breakConnections(instance);
      time.clock.after(noticeMs, () => void leases.get(instance)?.close());
    },
    restart(instance) {
      network.down.delete(instance);
      void register(instance);
    },
    slow(instance, times) {
      const server = network.servers.get(instance);
      if (server !== undefined) server.slowness = times;
    },
    cutOff(instances, cut) {
      for (const instance of instances) {
        if (cut) network.cutOff.add(instance);
        else network.cutOff.delete(instance);
      }
    },
    load(times) {
      outside.times = times;
    },
  };
}

function reportOf(parts: {
  readonly seed: number;
  readonly trace: Trace;
  readonly counts: HopCounts;
  readonly outside: Outside;
  readonly faults: readonly Fault[];
  readonly network: Network;
  readonly peers: readonly Peers[];
}): SimReport {
  const { seed, trace, counts, outside, faults, network, peers } = parts;
  const { seconds } = outside;
  const inServers = [...network.servers.values()].map(({ inFlight }) => inFlight);
  const inClients = peers.flatMap((each) =>
    each
      .describe()
      .flatMap(({ guard, endpoints }) => [
        guard.inFlight,
        ...endpoints.map(({ inFlight }) => inFlight),
      ]),
  );
  const left = [...inServers, ...inClients].reduce((sum, each) => sum + each, network.inFlight);
  return {
    seed,
    events: trace.lines,
    trace: trace.digest(),
    calls: outside.calls,
    answered: outside.answered,
    failed: outside.failed,
    faults: faults.map(({ name, fromMs, toMs }, n) => {
      const [from, to] = [fromMs / 1000, toMs / 1000];
      // Calls of the second before the next fault may meet it.
      const until = (faults[n + 1]?.fromMs ?? loadMs) / 1000 - 1;
      const shares = seconds
        .slice(from, to)
        .map(({ good, calls }) => (calls === 0 ? 1 : good / calls));
      const recoverySeconds = recoveryOf(seconds, to, until);
      return { name, worst: Math.min(...shares), recoverySeconds };
    }),
    hops: counts.hops,
    left,
  };
}
