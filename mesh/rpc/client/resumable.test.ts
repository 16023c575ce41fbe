import { describe, expect, test } from '@jest/globals';
import { MeshError } from '../../kernel/error.ts';
import type { Status } from '../../kernel/status.ts';
import { errorOf } from '../../testing/error-of.ts';
import { eventually } from '../../testing/eventually.ts';
import { createFakeClock } from '../../testing/fake-clock.ts';
import { createSeededRandom } from '../../testing/seeded-random.ts';
import { resumable } from './resumable.ts';

const failing = (status: Status, retryAfterMs?: number) =>
  new MeshError('broken', {
    status,
    ...(retryAfterMs !== undefined && { details: { retryAfterMs } }),
  });

/** Numbers from 1; each opening gives what follows its token, and then ends as its turn says. */
function source(turns: readonly { readonly give: number; readonly end?: MeshError }[], from = 0) {
  const opened: (number | undefined)[] = [];
  async function* open(token: number | undefined): AsyncGenerator<number> {
    const { give, end } = turns[opened.length] ?? { give: 0 };
    opened.push(token);
    const first = (token ?? 0) + 1 - (token === undefined ? 0 : from);
    for (let n = first; n < first + give; n++) yield await Promise.resolve(n);
    if (end !== undefined) throw end;
  }
  return { open, opened };
}

const tokenOf = (n: number): number => n;

/** Reads on while time passes whenever the stream waits. */
async function readAll(
  stream: AsyncIterable<number>,
  clock: ReturnType<typeof createFakeClock>,
): Promise<{ seen: number[]; waits: number[]; error?: MeshError }> {
  const seen: number[] = [];
  const waits: number[] = [];
  const state = { over: false };
  const read = (async () => {
    try {
      for await (const n of stream) seen.push(n);
      return undefined;
    } catch (thrown) {
      return MeshError.from(thrown);
    } finally {
      state.over = true;
    }
  })();
  for (;;) {
    for (let i = 0; i < 20; i++) await Promise.resolve();
    if (state.over) break;
    if (clock.pending === 0) continue;
    const before = clock.monotonic();
    while (clock.pending > 0) clock.advance(1);
    waits.push(clock.monotonic() - before);
  }
  const error = await read;
  return { seen, waits, ...(error && { error }) };
}

describe('a resumable stream', () => {
  test('goes on where it stopped, after a wait that doubles until there is progress', async () => {
    const unavailable = { end: failing('UNAVAILABLE') };
    const { open, opened } = source([
      { give: 2, ...unavailable },
      { give: 0, ...unavailable },
      { give: 0, ...unavailable },
      { give: 1, ...unavailable },
      { give: 1 },
    ]);
    const clock = createFakeClock();
    const stream = resumable(open, { tokenOf, clock, random: createSeededRandom(1) });
    const { seen, waits, error } = await readAll(stream, clock);
    expect(error).toBeUndefined();
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(opened).toEqual([undefined, 2, 2, 2, 3]);
    const nominal = [100, 200, 400, 100];
    expect(waits.length).toBe(nominal.length);
    for (const [n, waitMs] of waits.entries()) {
      expect(waitMs).toBeGreaterThanOrEqual(0.8 * (nominal[n] ?? 0) - 1);
      expect(waitMs).toBeLessThanOrEqual(1.2 * (nominal[n] ?? 0) + 1);
    }
  });

  test('gives nothing twice, also from a server that begins at the token', async () => {
    const { open } = source([{ give: 3, end: failing('UNAVAILABLE') }, { give: 2 }], 1);
    const clock = createFakeClock();
    const stream = resumable(open, { tokenOf, clock, random: createSeededRandom(1) });
    expect((await readAll(stream, clock)).seen).toEqual([1, 2, 3, 4]);
    // A server that goes back further: the tokens have an order.
    const far = source([{ give: 5, end: failing('UNAVAILABLE') }, { give: 5 }], 3);
    const delivered = (token: number, last: number): boolean => token <= last;
    const ordered = resumable(far.open, {
      tokenOf,
      delivered,
      clock,
      random: createSeededRandom(1),
    });
    expect((await readAll(ordered, clock)).seen).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test('ends with a mistake, which another try would not mend', async () => {
    const { open, opened } = source([{ give: 1, end: failing('PERMISSION_DENIED') }]);
    const clock = createFakeClock();
    const { seen, error } = await readAll(resumable(open, { tokenOf, clock }), clock);
    expect([seen, error?.status, opened.length]).toEqual([[1], 'PERMISSION_DENIED', 1]);
  });

  test('waits at least as long as the server asks', async () => {
    const { open } = source([{ give: 0, end: failing('UNAVAILABLE', 5_000) }, { give: 1 }]);
    const clock = createFakeClock();
    const { waits } = await readAll(resumable(open, { tokenOf, clock }), clock);
    expect(waits[0]).toBeGreaterThanOrEqual(5_000);
  });

  test('ends at once when its reader gives up, while it waits and while it reads', async () => {
    const clock = createFakeClock();
    const waiting = new AbortController();
    const { open } = source([{ give: 0, end: failing('UNAVAILABLE') }]);
    const wait = errorOf(resumable(open, { tokenOf, clock, signal: waiting.signal }).next());
    await eventually(() => clock.pending === 1);
    waiting.abort();
    expect((await wait).status).toBe('CANCELLED');
    expect(clock.pending).toBe(0);

    const reading = new AbortController();
    let left = false;
    const silent = (): AsyncIterable<number> => ({
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: () => {
          left = true;
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    });
    const read = errorOf(resumable(silent, { tokenOf, signal: reading.signal }).next());
    reading.abort();
    expect((await read).status).toBe('CANCELLED');
    expect(left).toBe(true);
  });

  test('a watch is opened again after a good end too', async () => {
    const { open, opened } = source([
      { give: 1 },
      { give: 1 },
      { give: 0, end: failing('NOT_FOUND') },
    ]);
    const clock = createFakeClock();
    const stream = resumable(open, { tokenOf, clock, forever: true });
    expect((await readAll(stream, clock)).seen).toEqual([1, 2]);
    expect(opened).toEqual([undefined, 1, 2]);
  });
});
