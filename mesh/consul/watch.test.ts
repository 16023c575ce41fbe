import type { ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MeshError } from '../kernel/error.ts';
import { silentLog } from '../kernel/log.ts';
import { answerJson, answerStatus, healthEntry, startFakeAgent } from '../testing/fake-agent.ts';
import { createFakeClock, type FakeClock } from '../testing/fake-clock.ts';
import { createSeededRandom } from '../testing/seeded-random.ts';
import { createConsul } from './client.ts';
import type { Answer, Block } from './types.ts';
import { type ConsulWatch, type WatchOptions, watchConsul } from './watch.ts';

describe('a watch', () => {
  let clock: FakeClock;
  let watch: ConsulWatch | undefined;
  const told: { value: string; anew: boolean }[] = [];
  const errors: MeshError[] = [];
  const asked: Block[] = [];

  beforeEach(() => {
    clock = createFakeClock();
    for (const list of [told, errors, asked]) list.splice(0);
  });
  afterEach(async () => {
    watch?.close();
    await turn();
    expect(clock.pending).toBe(0);
  });

  /** Answers of one script, one after the other, then silence until the watch is closed. */
  const follow = (
    script: readonly (Answer<string> | Error)[],
    more: Partial<WatchOptions<string>> = {},
  ): void => {
    const rest = [...script];
    watch = watchConsul({
      async ask(block, signal) {
        asked.push(block);
        const next = rest.shift();
        if (next instanceof Error) throw next;
        return next ?? silence(signal);
      },
      onAnswer: (value, anew) => told.push({ value, anew }),
      onError: (error) => errors.push(error),
      clock,
      random: createSeededRandom(1),
      log: silentLog,
      ...more,
    });
  };

  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 50) {
      await turn();
      clock.advance(50);
    }
    await turn();
  };

  test('asks at once, then blocks on the index of the answer', async () => {
    follow([
      { value: 'one', index: '7' },
      { value: 'two', index: '9' },
    ]);
    await pass(500);
    expect(told).toEqual([
      { value: 'one', anew: false },
      { value: 'two', anew: false },
    ]);
    expect(asked.map((block) => block.index)).toEqual([0n, 7n, 9n]);
    expect(asked[0]?.waitMs).toBe(30_000);
  });

  test('asks anew after an index that went back', async () => {
    follow([
      { value: 'one', index: '7' },
      { value: 'two', index: '3' },
    ]);
    await pass(5_000);
    expect(told.map((each) => each.anew)).toEqual([false, true]);
    expect(asked.map((block) => block.index)).toEqual([0n, 7n, 0n]);
  });

  test('goes on after every failure, and asks for an answer at once', async () => {
    const refused = new MeshError('bad request', { status: 'INVALID_ARGUMENT' });
    follow([{ value: 'one', index: '7' }, refused, new Error('?'), { value: 'one', index: '7' }]);
    await pass(5_000);
    expect(errors.map((error) => error.status)).toEqual(['INVALID_ARGUMENT', 'UNKNOWN']);
    expect(told).toEqual([
      { value: 'one', anew: false },
      { value: 'one', anew: true },
    ]);
    expect(asked.map((block) => block.index)).toEqual([0n, 7n, 0n, 0n, 7n]);
  });

  test('goes on when a listener throws, and logs its fault', async () => {
    const logged: string[] = [];
    const script = [
      { value: 'one', index: '7' },
      { value: 'two', index: '9' },
    ];
    follow(script, {
      onAnswer: () => {
        throw new Error('the fault of this listener');
      },
      log: { ...silentLog, error: (message) => logged.push(message) },
    });
    await pass(500);
    expect(logged).toHaveLength(2);
    expect(errors).toHaveLength(0);
    expect(asked).toHaveLength(3);
  });

  test('aborts the outstanding request when it is closed, and tells nobody', async () => {
    follow([]);
    await pass(100);
    watch?.close();
    watch?.close();
    await pass(60_000);
    expect(asked).toHaveLength(1);
    expect(told).toEqual([]);
    expect(errors).toEqual([]);
  });

  test('asks a server with a stuck index once a second, and never more than five times', async () => {
    const stuck = fc.constantFrom('7', '0', '6', '8', '', 'x');
    const news = fc.bigInt({ min: 1n, max: 10_000n }).map(String);
    const measure = async (indexes: readonly string[]): Promise<number> => {
      clock = createFakeClock();
      let requests = 0;
      const ask = async () => ({ value: '', index: indexes[requests++ % indexes.length] });
      follow([], { ask });
      await pass(10_000);
      watch?.close();
      await turn();
      return requests;
    };
    const runs = { numRuns: 40 };
    expect(await measure(['7'])).toBeGreaterThanOrEqual(10);
    await fc.assert(
      fc.asyncProperty(stuck, async (index) => (await measure([index])) <= 12),
      runs,
    );
    // Back and forth is no progress either.
    expect(await measure(['7', '6'])).toBeLessThanOrEqual(12);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(stuck, news), { minLength: 1 }),
        async (indexes) => (await measure(indexes)) <= 51,
      ),
      runs,
    );
  });
});

function silence(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
  });
}

/** What an agent, or whatever answers in its place, may do to a request. */
const faults: Record<string, (response: ServerResponse) => void> = {
  'an older index': (response) => answerJson(response, [], '1'),
  'index 0': (response) => answerJson(response, [], '0'),
  'a newer index': (response) => answerJson(response, [healthEntry('old')], '900'),
  'status 404': (response) => answerStatus(response, 404, 'no'),
  'status 400': (response) => answerStatus(response, 400, 'no'),
  'status 429': (response) => answerStatus(response, 429, 'no'),
  'status 500': (response) => answerStatus(response, 500, 'No cluster leader'),
  'a page': (response) => response.end('<html></html>'),
  'half a JSON': (response) => {
    response.setHeader('content-type', 'application/json');
    response.end('[{"Node"');
  },
  'a body cut off': (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('[', () => response.destroy());
  },
  'a cut connection': (response) => response.destroy(),
};

test('whatever an agent does, the watch tells the truth within 4 s of its turning honest', async () => {
  const script = fc.array(fc.constantFrom(...Object.keys(faults)), { maxLength: 6 });
  await fc.assert(fc.asyncProperty(script, converges), { numRuns: 60 });
});

async function converges(script: readonly string[]): Promise<boolean> {
  const agent = await startFakeAgent();
  const clock = createFakeClock();
  const consul = createConsul({ address: agent.address, clock });
  const rest = [...script];
  let honestSince: number | undefined;
  agent.behave((request, response) => {
    const fault = faults[rest.shift() ?? ''];
    if (rest.length === 0) honestSince ??= clock.monotonic();
    if (fault) fault(response);
    // Honest: holds the request of whoever knows already.
    else if (!request.url?.includes('index=50')) answerJson(response, [healthEntry('new')], '50');
  });
  let underWay = 0;
  let ids: string[] = [];
  const watch = watchConsul({
    async ask(block, signal) {
      underWay++;
      return consul.instances('orders', { block, signal }).finally(() => underWay--);
    },
    onAnswer(instances) {
      ids = instances.map((each) => each.id);
    },
    onError: () => undefined,
    clock,
    random: createSeededRandom(script.length),
    log: silentLog,
  });
  const told = (): boolean => rest.length === 0 && ids[0] === 'new';
  // Time stands still while a request is under way: the wire is real.
  while (!told()) {
    await turn();
    if (underWay === 0) clock.advance(50);
  }
  const late = clock.monotonic() - (honestSince ?? 0);
  watch.close();
  consul.close();
  await agent.close();
  return late <= 4_000 && clock.pending === 0;
}
