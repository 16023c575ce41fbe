import { expect, test } from '@jest/globals';
import { MeshError, silentLog, systemClock } from '#mesh';
import { eventually } from '../../../mesh/testing/eventually.ts';
import type { Guest } from './guest.ts';
import { createNews, type NewsOptions } from './news.ts';

/** A broker that is away for the first questions, then stands at place 7. */
function laggard(away: number): {
  events: NewsOptions['events'];
  readFrom: unknown[];
  fail(): void;
} {
  const readFrom: unknown[] = [];
  let ended = Promise.withResolvers<void>();
  let asked = 0;
  const events: NewsOptions['events'] = {
    async channelOf() {
      if (asked++ < away) throw new MeshError('away', { status: 'UNAVAILABLE' });
      return { identity: 'one', firstSequence: 1, lastSequence: 7 };
    },
    read({ from }) {
      readFrom.push(from);
      ended = Promise.withResolvers();
      return { ended: ended.promise, sequence: 0, close: async () => undefined };
    },
  };
  return {
    events,
    readFrom,
    fail: () => ended.reject(new MeshError('x', { status: 'DATA_LOSS' })),
  };
}

test('what came while the broker could not be asked is looked for, and so is what nobody can read', async () => {
  let looks = 0;
  const look = (): void => {
    looks++;
  };
  const guest = { look } as Guest;
  const hall = { of: () => [], guests: () => [guest] };
  const broker = laggard(1);
  const { events } = broker;
  const news = createNews({ events, hall, clock: systemClock, log: silentLog });
  await news.start();
  await eventually(() => looks === 1);
  expect(broker.readFrom).toEqual([8]);
  broker.fail();
  await eventually(() => looks === 2);
  expect(broker.readFrom).toEqual([8, 8]);
  await news.close();
});

test('a gateway that leaves does not wait for a broker that is away', async () => {
  const hall = { of: () => [], guests: () => [] };
  const { events, readFrom } = laggard(1_000);
  const news = createNews({ events, hall, clock: systemClock, log: silentLog });
  await news.start();
  await news.close();
  expect(readFrom).toEqual([]);
});
