import { MeshError } from '../../kernel/error.ts';
import type { EventMetrics } from '../../telemetry/event-meters.ts';
import type { Bus, Outgoing, PublishOutcome } from './bus.ts';

/** A bus that tells what became of the messages that were handed to it. */
export function measuredBus(bus: Bus, metrics: EventMetrics): Bus {
  const tell = (messages: readonly Outgoing[], statusOf: (i: number) => string): void => {
    const counts = new Map<string, number>();
    for (const [i, { channel }] of messages.entries()) {
      const key = `${channel} ${statusOf(i)}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    for (const [key, count] of counts) {
      const [channel = '', status = ''] = key.split(' ');
      metrics.sent(channel, status, count);
    }
  };
  return {
    ...bus,
    async publish(messages, signal, epoch) {
      let outcomes: readonly PublishOutcome[];
      try {
        outcomes = await bus.publish(messages, signal, epoch);
      } catch (thrown) {
        const { status } = MeshError.from(thrown);
        tell(messages, () => status);
        throw thrown;
      }
      tell(messages, (i) => {
        const outcome = outcomes[i];
        return outcome?.stored === false ? outcome.error.status : '';
      });
      return outcomes;
    },
  };
}
