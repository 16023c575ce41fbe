import { run } from './command.ts';

/** What a check found. */
export interface Verdict {
  readonly ok: boolean;
  /** A note worth a line when it holds; everything needed to mend it when it does not. */
  readonly report: string;
}

/** One thing that must hold for the whole checkout. */
export interface Check {
  /** As it is typed after `make check ONLY=`. */
  readonly name: string;
  /** Looks at the checkout in `root` and changes nothing there. */
  run(root: string): Promise<Verdict>;
}

export const holds = (report = ''): Verdict => ({ ok: true, report });
export const fails = (report: string): Verdict => ({ ok: false, report });

/** A check that is a command: it holds when the command exits with 0. */
export function commandCheck(name: string, command: readonly [string, ...string[]]): Check {
  return {
    name,
    async run(root) {
      const { code, stdout, stderr } = await run(root, command);
      return code === 0 ? holds() : fails([stdout, stderr].join('').trim());
    },
  };
}

/** How a check went. */
export interface Outcome extends Verdict {
  readonly name: string;
  readonly seconds: number;
}

/**
 * Runs checks side by side, `workers` at a time, in the given order: the slowest first makes the shortest
 * whole. A check that throws has failed; the others still run, so that one round shows everything.
 */
export async function runChecks(
  checks: readonly Check[],
  root: string,
  { workers, onOutcome }: { workers: number; onOutcome: (outcome: Outcome) => void },
): Promise<readonly Outcome[]> {
  const queue = [...checks];
  const outcomes: Outcome[] = [];
  const worker = async (): Promise<void> => {
    for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
      const outcome = await timed(check, root);
      outcomes.push(outcome);
      onOutcome(outcome);
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
  return outcomes;
}

async function timed(check: Check, root: string): Promise<Outcome> {
  const start = performance.now();
  const verdict = await check.run(root).catch((thrown: unknown) => fails(String(thrown)));
  return { name: check.name, seconds: (performance.now() - start) / 1000, ...verdict };
}
