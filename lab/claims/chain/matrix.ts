/**
 * The three parts of a robust remote call and the two ways to recover, each alone and together: the chain in
 * one process with real sockets between its members, once for each combination, C hanging for a while in
 * each. All parts are weft's own; those that are switched off are set so high that they never act.
 */
import { AServiceDefinition, Source } from '#gen/chain/a/v1/a.ts';
import { BServiceDefinition } from '#gen/chain/b/v1/b.ts';
import { CServiceDefinition } from '#gen/chain/c/v1/c.ts';
import {
  type Client,
  type Closeable,
  closeClient,
  createClient,
  createMemoryDiscovery,
  createServer,
  implement,
  type ServiceBinding,
  silentLog,
  systemClock,
  weftImage,
} from '#mesh';
import { createRecoverer, type Recovery } from '../../../services/chain/a/recovery.ts';
import { aService } from '../../../services/chain/a/service.ts';
import { bService } from '../../../services/chain/b/service.ts';
import { createExternal, type External } from '../../../services/chain/c/external.ts';
import { cService } from '../../../services/chain/c/service.ts';
import { type Question, watchFront } from './front.ts';
import { createGauge, type Gauge } from './gauge.ts';
import { type Summary, summarize } from './summary.ts';

/** What is switched on between A and B, and between B and C. */
export interface Parts {
  readonly timeOut: boolean;
  readonly limit: boolean;
  readonly breaker: boolean;
}

export interface Cell {
  readonly parts: Parts;
  readonly recovery: Recovery;
  readonly summary: Summary;
  /** Of the questions that were answered in time, how many A answered by itself. */
  readonly recoveredAnswers: number;
  /** From the end of the fault to the last question that the chain itself did not answer in time. */
  readonly chainAgainMs: number;
}

/** Time-outs of B's and of A's calls, in ms: less further down, so that there is time to recover. */
const timeOuts = { c: 300, b: 400 };
/** Calls in flight to one target; well below what piles up, well above the 2 of a quiet moment. */
const limit = 10;
const never = 3_600_000;

const ratePerSecond = 40;
const fault = { fromMs: 1500, toMs: 4500 };
const lastsMs = 8500;
/** So many chains run at a time: a busy event loop would show in the figures. */
const atATime = 6;

const recoveries: readonly Recovery[] = ['error', 'default', 'last'];
const onOff = [false, true];
const combinations: readonly Parts[] = onOff.flatMap((breaker) =>
  onOff.flatMap((limited) => onOff.map((timeOut) => ({ timeOut, limit: limited, breaker }))),
);

/** Every combination of parts with every way to recover. */
export async function playMatrix(say: (text: string) => void): Promise<readonly Cell[]> {
  const all = combinations.flatMap((parts) => recoveries.map((recovery) => ({ parts, recovery })));
  const cells: Cell[] = [];
  for (let i = 0; i < all.length; i += atATime) {
    say(
      `parts switched on and off: ${String(i + 1)} to ${String(i + atATime)} of ${String(all.length)}`,
    );
    const now = all.slice(i, i + atATime);
    cells.push(...(await Promise.all(now.map(({ parts, recovery }) => playCell(parts, recovery)))));
  }
  return cells;
}

async function playCell(parts: Parts, recovery: Recovery): Promise<Cell> {
  const chain = await startChain(parts, recovery);
  try {
    const [watch] = await Promise.all([
      watchFront({
        ask: () => chain.a.ask({ question: 'is anybody there' }, { timeoutMs: never }),
        ...{ ratePerSecond, lastsMs, binMs: 250, graceMs: 1000 },
        gauge: () => [chain.gauges.a.inFlight, chain.gauges.b.inFlight, chain.gauges.c.inFlight],
      }),
      hang(chain.external),
    ]);
    const { questions } = watch;
    const last = questions.findLast((each) => each.fate !== 'in time' || isRecovered(each));
    return {
      ...{ parts, recovery },
      recoveredAnswers: questions.filter(isRecovered).length,
      chainAgainMs: Math.max(0, Math.round((last?.sentMs ?? 0) - fault.toMs)),
      summary: summarize(watch, fault),
    };
  } finally {
    await chain.close();
  }
}

async function hang(external: External): Promise<void> {
  await systemClock.sleep(fault.fromMs);
  external.behave({ name: 'hang' });
  await systemClock.sleep(fault.toMs - fault.fromMs);
  external.behave({ name: 'well' });
}

function isRecovered({ fate, answer }: Question): boolean {
  if (fate !== 'in time' || typeof answer !== 'object' || answer === null) return false;
  const source: unknown = Reflect.get(answer, 'source');
  return source === Source.DEFAULT || source === Source.LAST_ANSWER;
}

interface Chain extends Closeable {
  readonly a: Client<AServiceDefinition>;
  readonly gauges: Readonly<Record<'a' | 'b' | 'c', Gauge>>;
  readonly external: External;
}

async function startChain(parts: Parts, recovery: Recovery): Promise<Chain> {
  const discovery = createMemoryDiscovery();
  const { resolver } = discovery;
  const policy = policyOf(parts);
  const gauges = { a: createGauge(), b: createGauge(), c: createGauge() };
  const external = createExternal({
    clock: systemClock,
    ...{ connections: 6, usualMs: 40, behavior: { name: 'well' } },
    crash: () => undefined,
  });
  const a = createClient(AServiceDefinition, { resolver, ...policyOf(nothing) });
  const b = createClient(BServiceDefinition, { resolver, ...policy });
  const c = createClient(CServiceDefinition, { resolver, ...policy });
  const timeOut = (ms: number) => ({ timeoutMs: parts.timeOut ? ms : never });
  const serveA = aService({
    b: { ask: (question) => b.ask(question, timeOut(timeOuts.b)) },
    recoverer: createRecoverer(recovery),
    instance: 'a-1',
  });
  const serveB = bService({
    c: { ask: (question) => c.ask(question, timeOut(timeOuts.c)) },
    instance: 'b-1',
  });
  const serveC = cService({ external, instance: 'c-1', log: silentLog });
  const servers = await Promise.all([
    serve('a', implement(AServiceDefinition, { ask: gauges.a.counting(serveA.ask) }), discovery),
    serve('b', implement(BServiceDefinition, { ask: gauges.b.counting(serveB.ask) }), discovery),
    serve(
      'c',
      implement(CServiceDefinition, { ...serveC, ask: gauges.c.counting(serveC.ask) }),
      discovery,
    ),
  ]);
  return {
    ...{ a, gauges, external },
    async close() {
      await Promise.all(servers.map((server) => server.close()));
      await Promise.all([a, b, c].map(closeClient));
    },
  };
}

const nothing: Parts = { timeOut: false, limit: false, breaker: false };

/** The options of a client with these parts; retries are a fourth thing, and off. */
function policyOf(parts: Parts) {
  return {
    retry: { attempts: 1 },
    bulkhead: { maxInFlight: parts.limit ? limit : 1_000_000 },
    // As it is by default, but that a short experiment does not wait long for it.
    breaker: parts.breaker
      ? { openMs: 500 }
      : { minSuccessRate: 0, consecutive: Number.MAX_SAFE_INTEGER },
  };
}

async function serve(
  service: string,
  bind: ServiceBinding,
  discovery: ReturnType<typeof createMemoryDiscovery>,
): Promise<Closeable> {
  const server = createServer({ image: weftImage(), maxConcurrentStreams: 10_000 });
  bind(server);
  const at = await server.listen();
  await discovery.registry.register({ instanceId: `${service}-1`, service, ...at, metadata: {} });
  return server;
}
