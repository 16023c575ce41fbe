import { AckPolicy, type ConsumerConfig, DeliverPolicy, type NatsConnection, nanos } from 'nats';
import { type ConsumeOptions, defaultAckWaitMs } from '../bus/bus.ts';
import { apiError, isApiError } from './error.ts';

/**
 * Makes sure that the durable consumer exists. With `assert` one that exists is brought to the wanted
 * subjects and limits. Healing leaves it as it is: during a rolling update an older instance must not take
 * back the subjects that a newer one has added.
 */
export async function ensureDurable(
  connection: NatsConnection,
  wanted: ConsumeOptions,
  { assert, timeoutMs: timeout }: { assert: boolean; timeoutMs: number },
): Promise<void> {
  const { consumers } = await connection.jetstreamManager({ checkAPI: false, timeout });
  const { channel, consumer, subjects, maxInFlight, ackWaitMs = defaultAckWaitMs } = wanted;
  const limits = {
    filter_subjects: [...subjects].sort(),
    ack_wait: nanos(ackWaitMs),
    max_ack_pending: maxInFlight,
  };
  let found: ConsumerConfig;
  try {
    found = (await consumers.info(channel.name, consumer)).config;
  } catch (thrown) {
    if (!isApiError(thrown, apiError.consumerNotFound)) throw thrown;
    await consumers.add(channel.name, {
      durable_name: consumer,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: wanted.from === 'now' ? DeliverPolicy.New : DeliverPolicy.All,
      // weft counts the failures: a message that the server gives up is moved nowhere and told to nobody.
      max_deliver: -1,
      ...limits,
    });
    return;
  }
  if (assert && differs(found, limits)) await consumers.update(channel.name, consumer, limits);
}

type Limits = Required<Pick<ConsumerConfig, 'filter_subjects' | 'ack_wait' | 'max_ack_pending'>>;

function differs(found: ConsumerConfig, limits: Limits): boolean {
  const { filter_subject: single, filter_subjects: several } = found;
  const subjects = several ?? (single === undefined ? [] : [single]);
  return (
    [...subjects].sort().join() !== limits.filter_subjects.join() ||
    found.ack_wait !== limits.ack_wait ||
    found.max_ack_pending !== limits.max_ack_pending
  );
}
