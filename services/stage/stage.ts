/** What the demos of all stories have in common: the running mesh, clients on it, and a place to tell what happens. */
import { type Span, SpanKind } from '#gen/weft/admin/v1/admin.ts';
import {
  type Client,
  type Clock,
  type Closeable,
  childTrace,
  closeClient,
  collectTrace,
  createClient,
  createConsul,
  createConsulDiscovery,
  createGuest,
  createSpanRing,
  describe,
  type Random,
  renderTrace,
  runInContext,
  type ServiceDefinition,
  systemClock,
  systemRandom,
  toSpan,
  traceTree,
} from '#mesh';
import { notSeen, until as wait, within } from './waits.ts';
import { runningStory, runWeft } from './weft.ts';

/** How long a demo waits for one thing, and how long one may take at all, in ms. */
const patienceMs = 30_000;
const longestMs = 300_000;
const closingMs = 10_000;

/** What a demo plays on. */
export interface Stage {
  readonly clock: Clock;
  readonly random: Random;
  readonly say: { chapter(title: string): void; line(text: string): void };
  /** A client of a service of the mesh; closed with the stage. */
  client<D extends ServiceDefinition>(definition: D): Client<D>;
  /** Keeps what has an end of its own; it is closed with the stage, whatever becomes of the demo. */
  own<T extends Closeable>(it: T): T;
  /** Runs a verb of weft, as `weft('stop', 'notifications')`. */
  weft(...args: readonly string[]): Promise<void>;
  /** Asks until the answer is yes, for at most 30 s; see waits.ts. */
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
  const running = await runningStory(story).catch(tell);
  if (running === undefined) return;
  const { services } = running;
  const consul = createConsul({ address: running.consul });
  const discovery = createConsulDiscovery({ consul });
  const guest = createGuest({ consul, name: 'demo' });
  const { resolver } = discovery;
  const { transport } = guest;
  const spans = createSpanRing();
  const closings: (() => Promise<void>)[] = [];
  const spansOf = async (traceId: string): Promise<Span[]> => {
    const theirs = await collectTrace({
      ...{ traceId, services, resolver, transport },
      clock: systemClock,
    });
    const mine = spans.ofTrace(traceId);
    return [
      ...mine.map((span) => toSpan(span, { service: 'demo', instanceId: 'demo' })),
      ...theirs,
    ];
  };
  const stage: Stage = {
    ...{ clock: systemClock, random: systemRandom, say, until, traced },
    client(definition) {
      const client = createClient(definition, { resolver, transport, spans });
      closings.push(() => closeClient(client));
      return client;
    },
    own(it) {
      closings.push(() => it.close());
      return it;
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
    await guest.meet(await consul.ownServices());
    await inTime(`the end of the demo of ${story}`, longestMs, plot(stage));
  } catch (thrown) {
    tell(thrown);
  } finally {
    closings.push(
      () => discovery.close(),
      () => guest.close(),
    );
    const closed = Promise.allSettled(closings.map((close) => close()));
    await inTime('the end of its clients', closingMs, closed).catch(tell);
  }
}

function tell(thrown: unknown): void {
  say.line(`the demo failed: ${describe(thrown)}`);
  process.exitCode = 1;
}

function inTime<T>(what: string, ms: number, work: Promise<T>): Promise<T> {
  return within(work, { ms, late: () => notSeen(what, ms), clock: systemClock });
}

const say: Stage['say'] = {
  chapter: (title) => process.stdout.write(`\n${title}\n\n`),
  line: (text) => process.stdout.write(`  ${text}\n`),
};

function until(what: string, probe: () => Promise<boolean>): Promise<void> {
  return wait(what, probe, { withinMs: patienceMs, clock: systemClock });
}

async function traced<T>(work: () => Promise<T>): Promise<Traced<T>> {
  // The trace has an id and no span yet: the stub's own span becomes its root.
  const trace = childTrace(undefined, systemRandom);
  return { result: await runInContext({ trace }, work), traceId: trace.traceId };
}
