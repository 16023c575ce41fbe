import type { JetStreamManager } from 'nats';
import type { Bus } from '../bus/bus.ts';
import { apiError, fromNats, isApiError } from './error.ts';
import type { Link } from './link.ts';

/** What the server holds, asked from outside of publishing and consuming. */
export interface Inspection extends Pick<Bus, 'inspect' | 'idAt' | 'epoch'> {
  /** Something was found missing: a new epoch. */
  renew(): void;
}

export interface InspectionOptions {
  readonly link: Link;
  /** Longest wait for a connection, in ms. */
  readonly connectWaitMs: number;
  readonly requestTimeoutMs: number;
}

export function createInspection(options: InspectionOptions): Inspection {
  const { link, connectWaitMs, requestTimeoutMs: timeout } = options;
  let epoch = 0;
  const renew = (): void => {
    epoch++;
  };
  link.onChange(() => {
    if (link.state.kind === 'up') renew();
  });
  /** Asks; undefined when the server answers with one of `absent`. */
  const ask = async <T>(
    question: (manager: JetStreamManager) => Promise<T>,
    { what, absent, signal }: { what: string; absent: number; signal: AbortSignal | undefined },
  ): Promise<T | undefined> => {
    const connection = await link.ready(connectWaitMs, signal);
    try {
      return await question(await connection.jetstreamManager({ checkAPI: false, timeout }));
    } catch (thrown) {
      if (isApiError(thrown, absent) || isApiError(thrown, apiError.streamNotFound)) return;
      throw fromNats(thrown, what);
    }
  };
  return {
    renew,
    epoch: () => epoch,
    async inspect(channel, signal) {
      const info = await ask(({ streams }) => streams.info(channel), {
        ...{ what: `channel ${channel}`, absent: apiError.streamNotFound, signal },
      });
      if (info === undefined) return undefined;
      const { first_seq: firstSequence, last_seq: lastSequence } = info.state;
      return { identity: info.created, firstSequence, lastSequence };
    },
    async idAt(channel, sequence, signal) {
      const what = `message ${String(sequence)} of channel ${channel}`;
      const question = { what, absent: apiError.messageNotFound, signal };
      const found = await ask(
        ({ streams }) => streams.getMessage(channel, { seq: sequence }),
        question,
      );
      return found?.header.get('Nats-Msg-Id');
    },
  };
}
