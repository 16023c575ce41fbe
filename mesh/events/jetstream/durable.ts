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
  const { channel, consumer } = wanted;
  const limits = limitsOf(wanted);
  let found: ConsumerConfig;
  try {
    found = (await consumers.info(channel.name, consumer)).config;
  } catch (thrown) {
    if (!isApiError(thrown, apiError.consumerNotFound)) throw thrown;
    const deliver_policy = wanted.from === 'now' ? DeliverPolicy.New : DeliverPolicy.All;
    await consumers.add(channel.name, { ...configOf(wanted), deliver_policy });
    return;
  }
  if (assert && differs(found, limits)) await consumers.update(channel.name, consumer, limits);
}

/**
 * Makes the durable consumer anew, to begin with the oldest message that is not acked: what was delivered and
 * not acked would else come after what was not delivered yet. Resolves when nothing was delivered by it.
 *
 * A process that dies between the two requests leaves no consumer; the next one begins with all that is kept,
 * and the inbox knows what of it was handled.
 */
export async function resetDurable(
  connection: NatsConnection,
  wanted: ConsumeOptions,
  { timeoutMs: timeout }: { timeoutMs: number },
): Promise<void> {
  const { consumers } = await connection.jetstreamManager({ checkAPI: false, timeout });
  const { channel, consumer } = wanted;
  let begin: Partial<ConsumerConfig> = {
    deliver_policy: wanted.from === 'now' ? DeliverPolicy.New : DeliverPolicy.All,
  };
  try {
    const { ack_floor } = await consumers.info(channel.name, consumer);
    const opt_start_seq = ack_floor.stream_seq + 1;
    begin = { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq };
    await consumers.delete(channel.name, consumer);
  } catch (thrown) {
    if (!isApiError(thrown, apiError.consumerNotFound)) throw thrown;
  }
  await consumers.add(channel.name, { ...configOf(wanted), ...begin });
}

type Limits = Required<Pick<ConsumerConfig, 'filter_subjects' | 'ack_wait' | 'max_ack_pending'>>;

function limitsOf({ subjects, maxInFlight, ackWaitMs = defaultAckWaitMs }: ConsumeOptions): Limits {
  return {
    filter_subjects: [...subjects].sort(),
    ack_wait: nanos(ackWaitMs),
    max_ack_pending: maxInFlight,
  };
}

function configOf(wanted: ConsumeOptions): Partial<ConsumerConfig> {
  return {
    durable_name: wanted.consumer,
    ack_policy: AckPolicy.Explicit,
    // weft counts the failures: a message that the server gives up is moved nowhere and told to nobody.
    max_deliver: -1,
    ...limitsOf(wanted),
  };
}

function differs(found: ConsumerConfig, limits: Limits): boolean {
  const { filter_subject: single, filter_subjects: several } = found;
  const subjects = several ?? (single === undefined ? [] : [single]);
  return (
    [...subjects].sort().join() !== limits.filter_subjects.join() ||
    found.ack_wait !== limits.ack_wait ||
    found.max_ack_pending !== limits.max_ack_pending
  );
}
