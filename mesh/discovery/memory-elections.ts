import { type Clock, systemClock } from '../kernel/clock.ts';
import { type Log, silentLog } from '../kernel/log.ts';
import { checkToken } from '../kernel/names.ts';
import type { Elections, Lead } from './elections.ts';

interface Candidate {
  readonly lead: Lead;
  readonly ending: AbortController;
}

// Who gives up the lead lets the others go first.
const againMs = 20;

/** Elections inside one process, for tests: who stood first leads. */
export function createMemoryElections({
  clock = systemClock,
  log = silentLog,
}: {
  readonly clock?: Clock;
  readonly log?: Log;
} = {}): Elections {
  const turns = new Map<string, Promise<void>>();
  const turnOf = async (name: string, { lead, ending }: Candidate): Promise<void> => {
    if (ending.signal.aborted) return;
    await lead(ending.signal).catch((err: unknown) => {
      if (!ending.signal.aborted) log.warn('a leader failed', { name, err });
    });
  };
  return {
    stand(name, lead) {
      checkToken(name, 'an election');
      const candidate = { lead, ending: new AbortController() };
      const { signal } = candidate.ending;
      const run = async (): Promise<void> => {
        while (!signal.aborted) {
          const turn = (turns.get(name) ?? Promise.resolve()).then(() => turnOf(name, candidate));
          turns.set(name, turn);
          await turn;
          await clock.sleep(againMs, signal).catch(() => undefined);
        }
      };
      const done = run();
      return {
        close() {
          candidate.ending.abort();
          return done;
        },
      };
    },
  };
}
