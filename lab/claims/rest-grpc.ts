/**
 * "gRPC is binary, over HTTP/2: good for large messages", against REST: the same orders, of 1, 100 and 5000 lines,
 * read over both, from the service itself and through the gateway. Bytes of the answer, time of one call with none
 * beside it, and what a call costs the processors of caller, service and gateway together.
 */
import { freePort } from '../../mesh/testing/ports.ts';
import { cpuMs } from '../house/proc.ts';
import { median, percentile, rounded } from '../suite/stats.ts';
import { startChild } from './child.ts';
import { type Claim, sources } from './claim.ts';
import { markdownTable } from './document.ts';
import type { Experiment } from './experiment.ts';
import { type Way, waysOver } from './rest-grpc/ways.ts';

const sizes = [1, 100, 5000] as const;
const inFlight = 16;
/** Times and costs wander on a shared machine; the middle of the rounds is told. */
const rounds = { full: 7, short: 1 };
/** How long each part of a round lasts, in ms: processor time is counted in steps of 10 ms. */
const partMs = { full: 1500, short: 200 };

interface Seen {
  readonly way: string;
  readonly lines: number;
  readonly bytes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuUsPerCall: number;
  /** Answers that did not hold the lines that were asked for. */
  readonly wrong: number;
}

export const restGrpc: Experiment = {
  name: 'rest-grpc',
  async run(say, effort) {
    const [grpcPort, httpPort, edgePort] = [await freePort(), await freePort(), await freePort()];
    const service = await startChild('rest-grpc/service.ts', { grpcPort, httpPort });
    const gateway = await startChild('rest-grpc/gateway.ts', { grpcPort, port: edgePort });
    const ways = waysOver({ grpcPort, httpPort, edgePort });
    const pids = [process.pid, service.pid, gateway.pid];
    const seen: Seen[] = [];
    try {
      for (const lines of sizes) {
        say(`orders of ${String(lines)} lines`);
        const plan = { lines, rounds: rounds[effort], partMs: partMs[effort], pids };
        seen.push(...(await measureAll(ways, plan)));
      }
    } finally {
      await Promise.all(ways.map((way) => way.close()));
      await gateway.kill();
      await service.kill();
    }
    const wrong = seen.reduce((sum, each) => sum + each.wrong, 0);
    return {
      claims: claimsOf(seen),
      bars: [{ name: 'rest-grpc-wrong', value: wrong, op: '<=', bar: 0, unit: 'answers' }],
      data: seen,
      charts: {},
      tables: { 'rest-grpc': table(seen) },
    };
  },
};

interface Plan {
  readonly lines: number;
  readonly rounds: number;
  readonly partMs: number;
  readonly pids: readonly number[];
}

/** The ways take turns, so that a slow minute of the machine is slow for all of them. */
async function measureAll(ways: readonly Way[], plan: Plan): Promise<Seen[]> {
  const byWay = new Map<Way, Seen[]>(ways.map((way) => [way, []]));
  for (const way of ways) await measure(way, { ...plan, partMs: plan.partMs / 4 });
  for (let round = 0; round < plan.rounds; round++) {
    for (const way of ways) byWay.get(way)?.push(await measure(way, plan));
  }
  return [...byWay.values()].map(middleOf);
}

async function measure(way: Way, { lines, partMs, pids }: Plan): Promise<Seen> {
  const orderId = `lines-${String(lines)}`;
  let wrong = 0;
  let bytes = 0;
  const read = async (): Promise<void> => {
    const answer = await way.read(orderId);
    bytes = answer.bytes;
    if (answer.lines !== lines) wrong++;
  };
  const times: number[] = [];
  for (const end = performance.now() + partMs; performance.now() < end; ) {
    const began = performance.now();
    await read();
    times.push(performance.now() - began);
  }
  const before = total(pids);
  const end = performance.now() + partMs;
  let calls = 0;
  const caller = async (): Promise<void> => {
    while (performance.now() < end) {
      await read();
      calls++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  const cpuUsPerCall = ((total(pids) - before) * 1000) / calls;
  const [p50Ms, p99Ms] = [percentile(times, 0.5), percentile(times, 0.99)];
  return { ...{ way: way.name, lines, bytes, wrong }, ...{ p50Ms, p99Ms, cpuUsPerCall } };
}

function total(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
}

function middleOf(all: readonly Seen[]): Seen {
  const [first] = all;
  if (first === undefined) throw new Error('nothing was measured');
  const middle = (of: (each: Seen) => number): number => rounded(median(all.map(of)));
  return {
    ...first,
    p50Ms: middle((each) => each.p50Ms),
    p99Ms: middle((each) => each.p99Ms),
    cpuUsPerCall: middle((each) => each.cpuUsPerCall),
    wrong: all.reduce((sum, each) => sum + each.wrong, 0),
  };
}

function claimsOf(seen: readonly Seen[]): readonly Claim[] {
  const source = sources.interprocess;
  const at = (way: string, lines: number): Seen => {
    const found = seen.find((each) => each.way === way && each.lines === lines);
    if (found === undefined) throw new Error(`${way} was not measured at ${String(lines)} lines`);
    return found;
  };
  const share = (of: (each: Seen) => number, lines: number): number =>
    of(at('gRPC', lines)) / of(at('REST', lines));
  const told = (of: (each: Seen) => number): string =>
    sizes.map((lines) => `${share(of, lines).toFixed(2)} at ${String(lines)}`).join(', ');
  const smaller = sizes.every((lines) => share(({ bytes }) => bytes, lines) < 1);
  const cheaper = sizes.every((lines) => share(({ cpuUsPerCall }) => cpuUsPerCall, lines) < 1);
  const sooner = share(({ p50Ms }) => p50Ms, 5000) < 1;
  const setup =
    'One service answers with orders of 1, 100 and 5000 lines over gRPC (grpc-js under weft’s client) and over HTTP/1.1 with JSON; 16 in flight for cost, one for time.';
  return [
    {
      claim: 'Messages of gRPC are smaller than those of REST.',
      ...{ source, setup, held: smaller },
      result: `Bytes of an answer over gRPC, of those over REST: ${told(({ bytes }) => bytes)} lines.`,
    },
    {
      claim: 'gRPC costs the processors less than REST, for small messages and for large ones.',
      ...{ source, setup, held: cheaper },
      result: `Processor time of caller and service over gRPC, of that over REST: ${told(({ cpuUsPerCall }) => cpuUsPerCall)} lines.`,
    },
    {
      claim: 'gRPC is the faster one for large messages.',
      ...{ source, setup, held: sooner },
      result: `Time of a call over gRPC, of that over REST: ${told(({ p50Ms }) => p50Ms)} lines.`,
    },
  ];
}

function table(seen: readonly Seen[]): string {
  return markdownTable(
    ['way', 'lines', 'bytes of the answer', 'p50 ms', 'p99 ms', 'processor µs a call'],
    seen.map(({ way, lines, bytes, p50Ms, p99Ms, cpuUsPerCall }) => [
      ...[way, lines, bytes, p50Ms, p99Ms, cpuUsPerCall],
    ]),
  );
}
