import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Command, InvalidArgumentError } from 'commander';
import { createConsulConfig } from '../config/consul.ts';
import type { RegisteredService } from '../consul/types.ts';
import { systemClock } from '../kernel/clock.ts';
import { addressOf } from '../kernel/endpoint.ts';
import { MeshError } from '../kernel/error.ts';
import { silentLog } from '../kernel/log.ts';
import { systemRandom } from '../kernel/random.ts';
import { createPeers } from '../rpc/client/peers.ts';
import type { PolicyOptions } from '../rpc/client/policy.ts';
import { parseMethod } from '../rpc/dynamic/method.ts';
import { readSchema } from '../rpc/dynamic/schema.ts';
import { type DynamicUnary, dynamicUnary } from '../rpc/dynamic/unary.ts';
import { defaultTarget } from '../schema/definition.ts';
import type { SpanSink } from '../telemetry/spans.ts';
import { parseDuration } from './duration.ts';
import { type LiveIo, processLive } from './live.ts';
import { assertLoopback, onThisMachine } from './load/loopback.ts';
import { openLoop } from './load/open-loop.ts';
import { createTally, type LoadReport, reportText } from './load/report.ts';
import { requestsOf } from './load/request.ts';
import { type MeshDoor, throughMesh } from './mesh-door.ts';
import { outputOption } from './ps.ts';

interface LoadOptions {
  readonly rps: number;
  readonly for: number;
  readonly concurrency: number;
  readonly plain?: true;
  readonly target?: string;
  readonly timeout?: number;
  readonly anywhere?: true;
  readonly consul?: string;
  readonly output: string;
}

/** Each call leaves eight bytes; more of them says nothing more, and would not end today. */
const mostCalls = 5_000_000;

export function loadCommand(io: LiveIo = processLive(), input: Readable = process.stdin): Command {
  return new Command('load')
    .description('call a method so many times a second, as a service would, and measure it')
    .argument('<method>', 'a unary one, as shop.orders.v1.OrdersService/GetOrder')
    .argument('[request]', 'JSON; {{n}} is the number of the call, {{uuid}} random; - reads', '{}')
    .option('-r, --rps <calls>', 'calls that are due each second', parseRate, 20)
    .option('--for <time>', 'for how long they are due', parseDuration, 10_000)
    .option('--concurrency <calls>', 'most calls at a time', parsePlaces, 256)
    .option('--plain', 'gRPC as others speak it: no lane, no retry, no breaker, no live policy')
    .option('-t, --target <name>', 'the name in Consul; default: the package, as "orders"')
    .option(
      '--timeout <time>',
      'longest time of a call; default: what the policy says',
      parseDuration,
    )
    .option('--anywhere', 'also at instances that are not on this machine')
    .option('-c, --consul <url>', 'which Consul to ask; default: MESH_CONSUL, or that of weft up')
    .addOption(outputOption())
    .addHelpText(
      'after',
      '\nCalls are sent when they are due, not when the last was answered, and each is timed from that moment\n(no coordinated omission). From the input come requests, one a line, which take turns. Ctrl-C ends it with\nthe report of what was sent. Exits with 0 whatever the calls ended with.',
    )
    .action((method: string, request: string, options: LoadOptions) =>
      throughMesh(options.consul, io.environment, async (mesh) => {
        const texts = request === '-' ? linesOf(await text(input)) : [request];
        const report = await load(method, texts, { mesh, options, io });
        io.print(options.output === 'json' ? JSON.stringify(report, null, 2) : reportText(report));
      }),
    );
}

interface Job {
  readonly mesh: MeshDoor;
  readonly options: LoadOptions;
  readonly io: LiveIo;
}

async function load(method: string, texts: readonly string[], job: Job): Promise<LoadReport> {
  const { options, io, mesh } = job;
  const calls = Math.max(1, Math.round((options.rps * options.for) / 1000));
  if (calls > mostCalls) {
    throw new MeshError(`${calls} calls are more than ${mostCalls}: ask for fewer`, {
      status: 'INVALID_ARGUMENT',
      reason: 'TOO_MANY_CALLS',
    });
  }
  const { service } = parseMethod(method);
  const target = options.target ?? defaultTarget(service);
  const found = await schemaInstance(target, job);
  const secured = await mesh.channelTo(found);
  const schema = await readSchema({ address: addressOf(found), secured });
  const unary = dynamicUnary(schema, method);
  const requests = requestsOf(texts, unary.encode, systemRandom);
  const tally = createTally();
  const caller = openCaller(unary, target, { mesh, options, spans: { record: tally.count } });
  const { signal } = io;
  try {
    io.note(`${calls} calls to ${target}, ${options.rps}/s; Ctrl-C ends it with what there is`);
    const looped = await openLoop(
      {
        perSecond: options.rps,
        calls,
        concurrency: options.concurrency,
        clock: systemClock,
        signal,
      },
      (n) => caller.call(requests(n)),
    );
    return tally.report({ method, target }, looped);
  } finally {
    await caller.close();
  }
}

/** The instance that is asked for the contract; NOT_FOUND / NO_INSTANCE, PERMISSION_DENIED / NOT_LOOPBACK. */
async function schemaInstance(target: string, { mesh, options }: Job): Promise<RegisteredService> {
  const { value: healthy } = await mesh.consul.instances(target);
  const [first] = healthy;
  if (first === undefined) {
    throw new MeshError(
      `Consul knows no healthy instance of "${target}"; its agent knows ${(await mesh.services()).join(', ') || 'no service'}`,
      { status: 'UNAVAILABLE', reason: 'NO_INSTANCE' },
    );
  }
  if (options.anywhere !== true) for (const { host } of healthy) assertLoopback(host);
  return first;
}

interface Caller {
  /** Never rejects: what became of it is told to the spans. */
  call(request: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

interface CallerParts {
  readonly mesh: MeshDoor;
  readonly options: LoadOptions;
  readonly spans: SpanSink;
}

/** No policy of weft's own: as often, as long and as plainly as anybody calls over gRPC. */
const bare: PolicyOptions = {
  ...{ lane: false, unix: false },
  retry: { attempts: 1 },
  breaker: { minSuccessRate: 0, consecutive: Number.MAX_SAFE_INTEGER },
  bulkhead: { maxInFlight: 1_000_000 },
};

/** A client as services have it, with live policy and splits; or a bare one. */
function openCaller(
  { definition }: DynamicUnary,
  target: string,
  { mesh, options, spans }: CallerParts,
): Caller {
  const { consul, transport } = mesh;
  const ports = { clock: systemClock, random: systemRandom, log: silentLog };
  const resolver = options.anywhere === true ? mesh.resolver : onThisMachine(mesh.resolver);
  const live = options.plain === true ? undefined : createConsulConfig({ consul, ...ports });
  const followed = live && { policySource: live.policies, trafficSource: live.traffic };
  const peers = createPeers({ ...ports, ...followed, resolver, transport, spans });
  const stub = peers.client(definition, { target, ...(options.plain === true && bare) });
  const call = options.timeout === undefined ? {} : { timeoutMs: options.timeout };
  return {
    call: (request) =>
      stub.call(request, call).then(
        () => undefined,
        () => undefined,
      ),
    async close() {
      await peers.close();
      live?.close();
    },
  };
}

function linesOf(given: string): string[] {
  return given.split('\n').filter((line) => line.trim() !== '');
}

function parseRate(given: string): number {
  const rate = Number(given);
  if (rate > 0 && rate <= 100_000) return rate;
  throw new InvalidArgumentError('say how many a second, up to 100000');
}

function parsePlaces(given: string): number {
  if (/^[1-9]\d{0,5}$/.test(given)) return Number(given);
  throw new InvalidArgumentError('say a number of calls, up to 999999');
}
