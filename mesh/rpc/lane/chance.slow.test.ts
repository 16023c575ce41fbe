import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { GetStockRequest, GetStockResponse } from '../../../gen/shop/inventory/v1/inventory.ts';
import { LaneServiceService } from '../../../gen/weft/lane/v1/lane.ts';
import { deadlineIn } from '../../kernel/deadline.ts';
import { MeshError } from '../../kernel/error.ts';
import { silentLog } from '../../kernel/log.ts';
import { UnreachedError } from '../../resilience/unreached.ts';
import { createFakeClock } from '../../testing/fake-clock.ts';
import { attempt, getStockMethod } from '../../testing/transport-contract-rig.ts';
import { noBytes } from '../encode.ts';
import type { PlainConnection } from '../plain/connection.ts';
import type { Arrival, RunningCall } from '../server/dispatch.ts';
import { LooseChannel, type LooseStream } from './loose-wire.ts';
import { laneService } from './server.ts';
import { createLaneTransport } from './transport.ts';

/**
 * Both ends of the lane as they are, flushes and all, on a wire that delays as chance wants and is cut
 * whenever it wants; handlers end in any order, callers leave, deadlines pass, servers send lanes away.
 */

interface Step {
  readonly do: 'call' | 'leave' | 'finish' | 'up' | 'down' | 'turn' | 'tick' | 'cut' | 'drain';
  /** Which of those that there are, how many, or how long. */
  readonly n: number;
}

const nameOf = (weights: Readonly<Record<Step['do'], number>>) =>
  fc.oneof(
    ...Object.entries(weights).map(([name, weight]) => ({
      weight,
      arbitrary: fc.record({ do: fc.constant(name as Step['do']), n: fc.nat(1000) }),
    })),
  );

// Many to one: a run that is cut at its beginning shows little.
const common = { call: 24, leave: 12, finish: 18, up: 24, down: 18, turn: 24, tick: 9 };
// Without a size fast-check ends at ten steps, whatever the length that is allowed.
const calm = fc.array(nameOf({ ...common, cut: 0, drain: 0 }), { maxLength: 36, size: 'max' });
const rough = fc.array(nameOf({ ...common, cut: 3, drain: 1 }), { maxLength: 36, size: 'max' });
const site = fc.record({
  maxInFlight: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(100)),
});

/** A call, and all that ever became of it. */
interface CallOfTest {
  readonly sku: string;
  readonly abort: AbortController;
  ran: number;
  ends: string[];
}

const channel = new LooseChannel();
afterAll(() => {
  channel.close();
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Play {
  readonly calls: CallOfTest[] = [];
  readonly clock = createFakeClock();
  readonly streams: LooseStream[] = [];
  readonly #running: (() => void)[] = [];
  readonly #draining = new AbortController();
  readonly #service;
  readonly #connection;

  constructor({ maxInFlight }: { maxInFlight: number }) {
    const { clock } = this;
    const run = this.#run.bind(this);
    this.#service = laneService(
      { methods: [{ path: getStockMethod.path, run }] },
      {
        ...{ clock, maxInFlight, log: silentLog, draining: this.#draining.signal },
        ...{ maxMessageBytes: 1 << 20, maxMetadataBytes: 8192, helloTimeoutMs: 1e9 },
      },
    );
    channel.streams = this.streams;
    channel.onStart = (server) => {
      this.#service.interceptor(LaneServiceService.exchange, server);
    };
    const plain: PlainConnection = {
      borrow: () => ({ channel, back: () => undefined }),
      onRenewed: () => undefined,
      unary: () => Promise.reject(new UnreachedError('not by lane')),
      stream: () => {
        throw new Error('no streams here');
      },
      close: () => Promise.resolve(),
    };
    const transport = { maxMessageBytes: 1 << 20, open: () => plain };
    this.#connection = createLaneTransport({ plain: transport, clock, welcomeTimeoutMs: 1e9 }).open(
      {
        ...{ instanceId: 'i', service: 's', host: 'wire', port: 1, metadata: { 'weft-lane': '1' } },
      },
    );
  }

  /** What the server does with a call. */
  #run(arrival: Arrival): RunningCall {
    const { message, bodyStart, bodyEnd } = arrival;
    const { sku } = GetStockRequest.decode(message.subarray(bodyStart, bodyEnd));
    const call = this.calls.find((each) => each.sku === sku);
    if (call !== undefined) call.ran++;
    const end = (error: MeshError | undefined): void => {
      const at = this.#running.indexOf(finish);
      if (at < 0) return;
      this.#running.splice(at, 1);
      const item = { sku, available: 0n, reserved: 0n, unitPrice: undefined };
      const bytes = GetStockResponse.encode({ item }).finish();
      const body = error === undefined ? { bytes, length: bytes.length } : noBytes;
      arrival.reply({ error, body, header: undefined, trailer: undefined });
    };
    const finish = (): void => {
      end(undefined);
    };
    this.#running.push(finish);
    return {
      abort: end,
      deadlinePassed: () => new MeshError('too late', { status: 'DEADLINE_EXCEEDED' }),
      callerGone: () => new MeshError('nobody waits', { status: 'CANCELLED' }),
    };
  }

  async step({ do: what, n }: Step): Promise<void> {
    // Of those that are over nothing comes any more.
    const recent = this.streams.slice(-2);
    const stream = recent[n % Math.max(1, recent.length)];
    const waiting = this.calls.filter(({ ends }) => ends.length === 0);
    const steps: Readonly<Record<Step['do'], () => unknown>> = {
      // Mostly a few, sometimes more than one side works on in a turn.
      call: () => Array.from({ length: n % 20 === 0 ? 70 : (n % 3) + 1 }, () => this.#call(n)),
      leave: () => waiting[n % Math.max(1, waiting.length)]?.abort.abort(leaving),
      finish: () => this.#running[n % Math.max(1, this.#running.length)]?.(),
      up: () => stream?.toServer(),
      down: () => stream?.toClient(),
      turn: () => turn(),
      tick: () => this.clock.advance(n % 10),
      cut: () => stream?.cut(n % 3, n % 4),
      drain: () => this.#draining.abort(),
    };
    await steps[what]();
  }

  #call(n: number): void {
    const sku = `call-${String(this.calls.length)}`;
    const call: CallOfTest = { sku, abort: new AbortController(), ran: 0, ends: [] };
    this.calls.push(call);
    const context = attempt.context(getStockMethod, {
      signal: call.abort.signal,
      deadline: deadlineIn(n % 4 === 0 ? 5 + (n % 50) : 1e9, this.clock),
    });
    this.#connection.unary(getStockMethod, { sku }, context).then(
      ({ item }) => call.ends.push(item?.sku === sku ? 'answered' : 'another’s answer'),
      (thrown: unknown) => call.ends.push(endOf(MeshError.from(thrown))),
    );
  }

  /** Lets everything arrive, or all that still can. */
  async #settle(): Promise<boolean> {
    let moved = false;
    for (const stream of this.streams) {
      while (stream.toServer() || stream.toClient()) moved = true;
    }
    for (const finish of [...this.#running]) {
      finish();
      moved = true;
    }
    await turn();
    await turn();
    return moved;
  }

  /** The lane is there. */
  async begin(): Promise<void> {
    this.#call(1);
    while (this.#connection.stats().lanes === 0) await this.#settle();
    this.calls.length = 0;
  }

  async end(): Promise<void> {
    for (let still = 0; still < 3; ) still = (await this.#settle()) ? 0 : still + 1;
    // Nobody's end needs the connection to be closed, or its time to pass.
    for (const { ends } of this.calls) expect(ends).toHaveLength(1);
    const closed = this.#connection.close();
    for (let still = 0; still < 3; ) still = (await this.#settle()) ? 0 : still + 1;
    await closed;
    expect(this.#service.stats().lanes).toBe(0);
    expect(this.#running).toHaveLength(0);
    expect(this.clock.pending).toBe(0);
  }
}

const leaving = new MeshError('I leave', { status: 'CANCELLED' });

function endOf(error: MeshError): string {
  if (error === leaving) return 'left';
  if (error instanceof UnreachedError) return 'unreached';
  if (error.status === 'DEADLINE_EXCEEDED') return 'late';
  if (error.reason === 'LANE_FULL') return 'refused';
  return error.status === 'UNAVAILABLE' ? 'in doubt' : error.message;
}

async function play(steps: readonly Step[], options: ConstructorParameters<typeof Play>[0]) {
  const played = new Play(options);
  await played.begin();
  for (const step of steps) await played.step(step);
  await played.end();
  for (const { ran, ends } of played.calls) {
    const [end = 'lost'] = ends;
    expect(['answered', 'left', 'unreached', 'late', 'refused', 'in doubt']).toContain(end);
    expect(ran).toBeLessThanOrEqual(1);
    if (end === 'unreached' || end === 'refused') expect(ran).toBe(0);
    if (end === 'answered') expect(ran).toBe(1);
  }
  return played;
}

describe('a lane at the mercy of chance', () => {
  test('loses, doubles and misdirects no reply, says the truth about reach, and leaves nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(rough, site, async (steps, options) => {
        await play(steps, options);
      }),
      { numRuns: 10_000 },
    );
  }, 120_000);

  test('leaves nobody in doubt whose connection holds, even where every lane is sent away young', async () => {
    await fc.assert(
      fc.asyncProperty(calm, site, async (steps, options) => {
        const { calls } = await play(steps, options);
        for (const { ends } of calls) expect(ends).not.toEqual(['in doubt']);
      }),
      { numRuns: 1000 },
    );
  }, 120_000);
});
