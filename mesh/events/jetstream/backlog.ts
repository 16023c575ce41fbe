import type { Lister } from 'nats';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { silentLog } from '../../kernel/log.ts';
import { type Random, systemRandom } from '../../kernel/random.ts';
import type { BacklogView, ChannelBacklog, ConsumerBacklog } from '../bus/backlog.ts';
import { fromNats } from './error.ts';
import { createLink } from './link.ts';

export interface BacklogOptions {
  readonly servers: readonly string[];
  /** How long connection and answer may take together, in ms. Default 1000. */
  readonly timeoutMs?: number;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: the machine's. */
  readonly random?: Random;
}

/** More of either are not asked for: what is read is shown to people. */
const most = 200;

/** Reads streams and durable consumers; connects when first asked, and again by itself. */
export function createBacklogView(options: BacklogOptions): BacklogView {
  const { servers, timeoutMs = 1_000, clock = systemClock, random = systemRandom } = options;
  const link = createLink({ servers, clock, random, log: silentLog });
  return {
    async read() {
      const connection = await link.ready(timeoutMs);
      try {
        const manager = await connection.jetstreamManager({ checkAPI: false, timeout: timeoutMs });
        const found: ChannelBacklog[] = [];
        for (const { config, state } of await first(manager.streams.list())) {
          // Key/value buckets and object stores are streams too, and no channels.
          if (/^(KV|OBJ)_/.test(config.name)) continue;
          const listed = await first(manager.consumers.list(config.name));
          const consumers = listed.flatMap((each): ConsumerBacklog[] => {
            const { durable_name: consumer } = each.config;
            if (consumer === undefined) return [];
            return [{ consumer, pending: each.num_pending, unacked: each.num_ack_pending }];
          });
          found.push({ channel: config.name, messages: state.messages, consumers });
        }
        return found;
      } catch (thrown) {
        throw fromNats(thrown, 'what waits in JetStream');
      }
    },
    close: () => link.close(),
  };
}

async function first<T>(pages: Lister<T>): Promise<T[]> {
  const found: T[] = [];
  while (found.length < most) {
    const page = await pages.next();
    if (page.length === 0) break;
    found.push(...page);
  }
  return found.slice(0, most);
}
