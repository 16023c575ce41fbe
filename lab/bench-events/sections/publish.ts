import type { Bus, Outgoing } from '../../../mesh/events/bus/bus.ts';
import { closing, type Section } from '../../suite/section.ts';
import { publishAtomic, publishFast } from '../batches.ts';
import {
  contest,
  over,
  type Side,
  type SideSummary,
  showContest,
  summaryOf,
  timed,
} from '../contest.ts';
import { sampleMessages } from '../messages.ts';
import { publishPlainly } from '../plain.ts';
import { type Broker, openBroker } from '../servers.ts';

/** Messages with the headers of an event, published and acked: weft beside js.publish of the plain client. */
export const publish: Section = (plan) =>
  closing(async (later) => {
    const broker = later(await openBroker());
    const figures: Record<string, number> = {};
    const contests: Record<string, Record<string, SideSummary>> = {};
    let settings: Record<string, string> = {};
    for (const inFlight of [1, 128, 512]) {
      const count = plan.quick ? 500 : inFlight === 1 ? 4_000 : 30_000;
      const bus = later(broker.newBus({ window: inFlight }));
      const sides = [
        plainSide(broker, count, inFlight),
        weftSide(broker, bus, { count, inFlight }),
      ];
      if (inFlight === 512) sides.push(...batchSides(broker, count));
      const found = await contest(sides, plan.quick ? 1 : 5);
      plan.say(`  ${inFlight} in flight`);
      showContest(plan, found, 'js.publish');
      contests[`Published and acked, ${inFlight} in flight`] = summaryOf(found, 'js.publish');
      figures[`publish-${inFlight}-x`] = over(found, 'weft', 'js.publish').median;
      settings = await broker.empty();
    }
    return { figures, data: { contests, settings } };
  });

function plainSide(broker: Broker, count: number, inFlight: number): Side {
  return {
    name: 'js.publish',
    async block() {
      await broker.empty();
      const messages = sampleMessages(count);
      return timed(count, () => publishPlainly(broker.js, messages, inFlight));
    },
  };
}

function weftSide(
  broker: Broker,
  bus: Bus,
  { count, inFlight }: { count: number; inFlight: number },
): Side {
  return {
    name: 'weft',
    async block() {
      await broker.empty();
      const messages = sampleMessages(count);
      const size = inFlight === 1 ? 1 : 500;
      return timed(count, async () => {
        // Two calls overlap, as a relay's do: the window is never empty between them.
        let before: Promise<unknown> = Promise.resolve();
        for (let from = 0; from < count; from += size) {
          const now = publishAll(bus, messages.slice(from, from + size));
          if (inFlight === 1) await now;
          else await before;
          before = now;
        }
        await before;
      });
    },
  };
}

/** The server's own batches. */
function batchSides(broker: Broker, count: number): Side[] {
  const side = (name: string, publish: (messages: Outgoing[]) => Promise<void>): Side => ({
    name,
    async block() {
      await broker.empty();
      const messages = sampleMessages(count);
      return timed(count, () => publish(messages));
    },
  });
  return [
    side('atomic batches of 500', (messages) => publishAtomic(broker.plain, messages, 500)),
    side('fast-ingest, 250 an ack', (messages) => publishFast(broker.plain, messages, 250)),
  ];
}

async function publishAll(bus: Bus, messages: readonly Outgoing[]): Promise<void> {
  const outcomes = await bus.publish(messages);
  const failed = outcomes.find(({ stored }) => !stored);
  if (failed !== undefined) throw new Error(`not stored: ${JSON.stringify(failed)}`);
}
