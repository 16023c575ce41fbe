/** What the demos of all stories have in common: the running mesh, clients on it, and a place to tell what happens. */
import { type Span, SpanKind } from '#gen/weft/admin/v1/admin.ts';
import {
  type Client,
  type Clock,
  childTrace,
  closeClient,
  collectTrace,
  createClient,
  createConsul,
  createConsulDiscovery,
  createSpanRing,
  describe,
  MeshError,
  type Random,
  renderTrace,
  runInContext,
  type ServiceDefinition,
  systemClock,
  systemRandom,
  toSpan,
  traceTree,
} from '#mesh';
import { runningStory, runWeft } from './weft.ts';

/** What a demo plays on. */
export interface Stage {
  readonly clock: Clock;
  readonly random: Random;
  readonly say: { chapter(title: string): void; line(text: string): void };
  /** A client of a service of the mesh; closed with the stage. */
  client<D extends ServiceDefinition>(definition: D): Client<D>;
  /** Runs a verb of weft, as `weft('stop', 'notifications')`. */
  weft(...args: readonly string[]): Promise<void>;
  /** Asks until the answer is yes, for at most 30 s; a service that is not back yet has not said yes. */
  until(what: string, probe: () => Promise<boolean>): Promise<void>;
  /** Does `work` as the root of a new trace, for `draw`. */
  traced<T>(work: () => Promise<T>): Promise<Traced<T>>;
  /** Draws a trace once `consumed` events of it (0 by default) are handled. */
  draw(traceId: string, end?: { readonly consumed: number }): Promise<void>;
}

export interface Traced<T> {
  readonly result: T;
  readonly traceId: string;
}

/** Brings the story up if it is not, and plays. A failure is told and sets the exit code. */
export async function play(story: string, plot: (stage: Stage) => Promise<void>): Promise<void> {
  const { consul, services } = await runningStory(story);
  const discovery = createConsulDiscovery({ consul: createConsul({ address: consul }) });
  const { resolver } = discovery;
  const spans = createSpanRing();
  const closings: (() => Promise<void>)[] = [];
  const spansOf = async (traceId: string): Promise<Span[]> => {
    const theirs = await collectTrace({ traceId, services, resolver, clock: systemClock });
    const mine = spans.ofTrace(traceId);
    return [
      ...mine.map((span) => toSpan(span, { service: 'demo', instanceId: 'demo' })),
      ...theirs,
    ];
  };
  const stage: Stage = {
    ...{ clock: systemClock, random: systemRandom, say, until, traced },
    client(definition) {
      const client = createClient(definition, { resolver, spans });
      closings.push(() => closeClient(client));
      return client;
    },
    async weft(...args) {
      await runWeft(args);
    },
    async draw(traceId, { consumed } = { consumed: 0 }) {
      let known: Span[] = [];
      await until(`${String(consumed)} events handled`, async () => {
        known = await spansOf(traceId);
        return known.filter((span) => span.kind === SpanKind.CONSUMER).length >= consumed;
      });
      const tree = renderTrace(traceTree(known)).replaceAll(/^/gm, '  ');
      process.stdout.write(`\n${tree}\n`);
    },
  };
  try {
    await plot(stage);
  } catch (thrown) {
    say.line(`the demo failed: ${describe(thrown)}`);
    process.exitCode = 1;
  } finally {
    await Promise.all(closings.map((close) => close()));
    await discovery.close();
  }
}

const say: Stage['say'] = {
  chapter: (title) => process.stdout.write(`\n${title}\n\n`),
  line: (text) => process.stdout.write(`  ${text}\n`),
};

async function until(what: string, probe: () => Promise<boolean>): Promise<void> {
  const end = systemClock.monotonic() + 30_000;
  while (!(await probe().catch(unlessAway))) {
    if (systemClock.monotonic() > end) throw notSeen(what);
    await systemClock.sleep(50);
  }
}

/** Callers of a service that comes back learn of it within moments. */
function unlessAway(thrown: unknown): false {
  const { status } = MeshError.from(thrown);
  if (status === 'UNAVAILABLE' || status === 'DEADLINE_EXCEEDED') return false;
  throw thrown;
}

async function traced<T>(work: () => Promise<T>): Promise<Traced<T>> {
  // The trace has an id and no span yet: the stub's own span becomes its root.
  const trace = childTrace(undefined, systemRandom);
  return { result: await runInContext({ trace }, work), traceId: trace.traceId };
}

function notSeen(what: string): MeshError {
  return new MeshError(`${what}: not seen within 30 s; look at: make ps, make logs`, {
    status: 'DEADLINE_EXCEEDED',
    reason: 'NOT_SEEN',
  });
}
