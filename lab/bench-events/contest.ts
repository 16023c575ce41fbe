import { inTurn } from '../bench/rounds.ts';
import { collectAll } from '../suite/garbage.ts';
import type { Plan } from '../suite/section.ts';
import { median, rounded, type Spread, spreadOf } from '../suite/stats.ts';

/** One way to do a piece of work. */
export interface Side {
  readonly name: string;
  /** Does the work once, and gives how many of its units it did and in which time. */
  block(): Promise<Work>;
}

export interface Work {
  readonly count: number;
  readonly ms: number;
  /** What this process used of its processors: of whom it is measured, and not of the servers. */
  readonly cpuUs: number;
}

/** What each side did, round by round. */
export type Contest = Readonly<Record<string, readonly Work[]>>;

/**
 * Lets every side do the work once in each round, in changing order, so that whatever the machine does in
 * these seconds it does to all of them. The first round is for the compiler, and not looked at.
 */
export async function contest(sides: readonly Side[], rounds: number): Promise<Contest> {
  const found: Record<string, Work[]> = Object.fromEntries(sides.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const side of inTurn(sides, Math.max(0, round))) {
      await collectAll();
      const work = await side.block();
      if (round >= 0) found[side.name]?.push(work);
    }
  }
  return found;
}

/** Does `work` and gives what it took. */
export async function timed(count: number, work: () => Promise<unknown>): Promise<Work> {
  const usage = process.cpuUsage();
  const begin = performance.now();
  await work();
  const ms = performance.now() - begin;
  const { user, system } = process.cpuUsage(usage);
  return { count, ms, cpuUs: user + system };
}

/** Round by round, one side over another. */
export function over(contest: Contest, side: string, base: string): Spread {
  const under = contest[base] ?? [];
  return spreadOf(
    (contest[side] ?? []).map((work, i) => {
      const other = under[i];
      return other === undefined ? Number.NaN : rateOf(work) / rateOf(other);
    }),
  );
}

/** The middle of what a side did per second. */
export function perSecond(contest: Contest, side: string): number {
  return rounded(median((contest[side] ?? []).map(rateOf)));
}

function rateOf({ count, ms }: Work): number {
  return (1000 * count) / ms;
}

/** What a reader wants to see of each side. */
export interface SideSummary {
  readonly perSecond: Spread;
  /** Microseconds of this process's CPU for one unit of work, the middle. */
  readonly cpuUs: number;
  /** `perSecond` over that of the base. */
  readonly over?: Spread;
}

export function summaryOf(contest: Contest, base: string): Record<string, SideSummary> {
  return Object.fromEntries(
    Object.entries(contest).map(([name, works]) => [
      name,
      {
        perSecond: spreadOf(works.map(rateOf)),
        cpuUs: rounded(median(works.map(({ cpuUs, count }) => cpuUs / count))),
        ...(name !== base && { over: over(contest, name, base) }),
      },
    ]),
  );
}

/** One line of progress per side. */
export function showContest(plan: Plan, contest: Contest, base: string): void {
  for (const [name, { perSecond, cpuUs, over }] of Object.entries(summaryOf(contest, base))) {
    const ratio = over === undefined ? '' : `  ${over.median}x (${over.p10} - ${over.p90})`;
    plan.say(`    ${name.padEnd(28)} ${Math.round(perSecond.median)}/s  ${cpuUs} us${ratio}`);
  }
}
