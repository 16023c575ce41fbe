import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Address } from './contender.ts';
import type { Kind } from './kinds.ts';
import type { Served, Serving, Usage } from './server.ts';

/** Some server processes, all serving the same. */
export interface Fleet {
  /** Every server of a kind, over all processes. */
  addresses(kind: Kind): readonly Address[];
  readonly pids: readonly number[];
  /** What all processes together have used so far. */
  usage(): Promise<Usage>;
  collect(): Promise<void>;
  /** Slows the n-th server of the first process down. */
  slow(server: number, ms: number): Promise<void>;
  close(): Promise<void>;
}

/** A young generation that no block of traffic fills: garbage is collected between blocks, not in them. */
export function nodeFlags(youngMb: number): string[] {
  return [
    '--expose-gc',
    `--max-semi-space-size=${youngMb}`,
    `--min-semi-space-size=${youngMb}`,
    '--disable-warning=ExperimentalWarning',
    '--disable-warning=DeprecationWarning',
    // cockatiel's policies share one signal; the warning is about it and is printed once.
    '--disable-warning=MaxListenersExceededWarning',
  ];
}

/** Starts `processes` servers; resolves when all of them listen. */
export async function startFleet(
  kinds: readonly Kind[],
  { processes = 3, copies = 1 } = {},
): Promise<Fleet> {
  const started = await Promise.all(
    Array.from({ length: processes }, (_, index) => startServer({ kinds, copies, index })),
  );
  const ask = (question: object): Promise<Usage[]> =>
    Promise.all(started.map((server) => server.ask(question)));
  return {
    addresses: (kind) => started.flatMap(({ served }) => served[kind] ?? []),
    pids: started.map(({ child }) => child.pid ?? 0),
    async usage() {
      const all = await ask({ ask: 'usage' });
      return {
        cpuUs: all.reduce((sum, { cpuUs }) => sum + cpuUs, 0),
        writes: all.reduce((sum, { writes }) => sum + writes, 0),
      };
    },
    async collect() {
      await ask({ ask: 'collect' });
    },
    async slow(server, ms) {
      await started[0]?.ask({ ask: 'slow', server, ms });
    },
    async close() {
      await Promise.all(started.map(({ child }) => ended(child)));
    },
  };
}

interface Started {
  readonly child: ChildProcess;
  readonly served: Served;
  ask(question: object): Promise<Usage>;
}

/** A question that is not answered yet. */
interface Waiting {
  answer(usage: Usage): void;
  refuse(error: Error): void;
}

function startServer(serving: Serving): Promise<Started> {
  const child = fork(join(import.meta.dirname, 'server.ts'), [JSON.stringify(serving)], {
    execArgv: nodeFlags(64),
  });
  const waiting = new Map<number, Waiting>();
  let asked = 0;
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => {
      const error = new Error(
        `the server of ${serving.kinds.join(', ')} ended with ${String(code)}`,
      );
      reject(error);
      for (const { refuse } of waiting.values()) refuse(error);
    });
    child.on('message', (said: { served: Served } | { id: number; usage: Usage }) => {
      if ('usage' in said) {
        waiting.get(said.id)?.answer(said.usage);
        waiting.delete(said.id);
        return;
      }
      resolve({
        child,
        served: said.served,
        ask: (question) =>
          new Promise((answer, refuse) => {
            const id = asked++;
            waiting.set(id, { answer, refuse });
            child.send({ id, ...question }, (error) => error && refuse(error));
          }),
      });
    });
  });
}

/** Server processes end when their parent lets go; who does not is killed after a second. */
function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const late = setTimeout(() => child.kill('SIGKILL'), 1000);
    child.once('exit', () => {
      clearTimeout(late);
      resolve();
    });
    if (child.connected) child.disconnect();
  });
}
