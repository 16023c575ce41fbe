import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Elections } from '../discovery/elections.ts';
import { MeshError } from '../kernel/error.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import { eventually } from './eventually.ts';

/** What every implementation of Elections must do (discovery/elections.ts). */
export function describeElections(
  name: string,
  open: () => Promise<{ readonly elections: Elections } & Closeable>,
): void {
  describe(`${name} as elections`, () => {
    let under: Awaited<ReturnType<typeof open>>;
    const opened: Closeable[] = [];
    let elections = 0;

    beforeAll(async () => {
      under = await open();
    });
    afterEach(async () => {
      for (const each of opened.splice(0).reverse()) await each.close();
    });
    afterAll(() => under.close());

    /** Stands, and leads until it is told to stop; `leading` has who leads. */
    const stand = (election: string, who: string, leading: string[]): Closeable => {
      const candidate = under.elections.stand(election, async (signal) => {
        leading.push(who);
        await new Promise((resolve) => {
          signal.addEventListener('abort', resolve, { once: true });
        });
        leading.splice(leading.indexOf(who), 1);
      });
      opened.push(candidate);
      return candidate;
    };
    const newElection = (): string => `contract-${String(++elections)}`;

    test('one leads, and when it closes the other one follows', async () => {
      const election = newElection();
      const leading: string[] = [];
      const first = stand(election, 'ada', leading);
      await eventually(() => leading.length === 1);
      stand(election, 'bob', leading);
      expect(leading).toEqual(['ada']);
      await first.close();
      await eventually(() => leading[0] === 'bob');
      expect(leading).toEqual(['bob']);
    });

    test('elections of two names know nothing of each other', async () => {
      const leading: string[] = [];
      stand(newElection(), 'ada', leading);
      stand(newElection(), 'bob', leading);
      await eventually(() => leading.length === 2);
    });

    test('who ends by itself, or fails, is elected again', async () => {
      let terms = 0;
      const candidate = under.elections.stand(newElection(), async () => {
        terms++;
        if (terms === 1) throw new Error('a fault');
      });
      opened.push(candidate);
      await eventually(() => terms >= 3);
    });

    test('closing waits for the end of the lead', async () => {
      let ended = false;
      let leads = false;
      const candidate = under.elections.stand(newElection(), async (signal) => {
        leads = true;
        await new Promise((resolve) => {
          signal.addEventListener('abort', resolve, { once: true });
        });
        await new Promise((resolve) => setImmediate(resolve));
        ended = true;
      });
      await eventually(() => leads);
      await candidate.close();
      expect(ended).toBe(true);
    });

    test('a name that is no token is refused', () => {
      expect(() => under.elections.stand('a b', () => Promise.resolve())).toThrow(MeshError);
    });
  });
}
