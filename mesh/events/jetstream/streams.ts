import { DiscardPolicy, type NatsConnection, nanos, RetentionPolicy, StorageType } from 'nats';
import { MeshError } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import { checkToken } from '../../kernel/names.ts';
import { type Channel, defaultMaxAgeMs, duplicateWindowMs } from '../bus/bus.ts';
import { apiError, fromNats, isApiError } from './error.ts';
import type { Link } from './link.ts';

/** The streams behind the channels: made or found once, and looked at again when something says they are gone. */
export interface Streams {
  ensure(channel: Channel, signal?: AbortSignal): Promise<void>;
  /** The next `ensure` of this channel asks the server again. */
  forget(name: string): void;
}

export interface StreamsOptions {
  readonly link: Link;
  /** On how many servers a stream that is made here is kept. */
  readonly replicas: number;
  /** Longest wait for a connection, in ms. */
  readonly connectWaitMs: number;
  readonly requestTimeoutMs: number;
  readonly log: Log;
}

export function createStreams(options: StreamsOptions): Streams {
  const { link, connectWaitMs } = options;
  const known = new Set<string>();
  // One at a time: concurrent stream updates have stored one publish several times (nats-server#8479).
  let last: Promise<unknown> = Promise.resolve();
  const make = async (channel: Channel, signal: AbortSignal | undefined): Promise<void> => {
    if (known.has(channel.name)) return;
    const connection = await link.ready(connectWaitMs, signal);
    try {
      await createOrVerify(connection, channel, options);
    } catch (thrown) {
      throw fromNats(thrown, `channel ${channel.name}`);
    }
    known.add(channel.name);
  };
  return {
    async ensure(channel, signal) {
      if (known.has(checkToken(channel.name, 'a channel'))) return;
      const turn = last.catch(() => undefined).then(() => make(channel, signal));
      last = turn;
      await turn;
    },
    forget(name) {
      known.delete(name);
    },
  };
}

/** Creates the stream; one that exists keeps what its operator set, as long as it has our subjects. */
async function createOrVerify(
  connection: NatsConnection,
  { name, keep = 'all', maxAgeMs = keep === 'all' ? defaultMaxAgeMs : 0 }: Channel,
  {
    requestTimeoutMs: timeout,
    replicas,
    log,
  }: Pick<StreamsOptions, 'requestTimeoutMs' | 'replicas' | 'log'>,
): Promise<void> {
  const { streams } = await connection.jetstreamManager({ checkAPI: false, timeout });
  const subjects = [`${name}.>`];
  const find = async (): Promise<string[] | undefined> => {
    try {
      return (await streams.info(name)).config.subjects;
    } catch (thrown) {
      if (isApiError(thrown, apiError.streamNotFound)) return undefined;
      throw thrown;
    }
  };
  let found = await find();
  if (found === undefined) {
    try {
      await streams.add({
        name,
        subjects,
        storage: StorageType.File,
        num_replicas: replicas,
        // Not a work queue: those forget the ids of acked messages, and take one consumer per subject.
        retention: RetentionPolicy.Limits,
        discard: DiscardPolicy.Old,
        // 0: however old.
        max_age: nanos(maxAgeMs),
        ...(keep === 'latest' && { max_msgs_per_subject: 1 }),
        duplicate_window: nanos(duplicateWindowMs),
      });
      log.info('made a stream', { stream: name, replicas });
      return;
    } catch (thrown) {
      // Another process was faster, and its configuration differs from ours.
      if (!isApiError(thrown, apiError.streamNameInUse)) throw thrown;
      found = await find();
    }
  }
  if (found?.includes(`${name}.>`) === true) return;
  throw new MeshError(
    `the stream ${name} exists with the subjects ${String(found)}, and the channel needs ${name}.>; add it, or rename the stream`,
    { status: 'FAILED_PRECONDITION', reason: 'CHANNEL_TAKEN' },
  );
}
