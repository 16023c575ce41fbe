/** What one run showed. */
export interface SimReport {
  readonly seed: number;
  /** The hash of all that happened: the same for the same seed, always and everywhere. */
  readonly trace: string;
  readonly events: number;
  /** Calls from outside; each is answered or has failed in the end. */
  readonly calls: number;
  readonly answered: number;
  readonly failed: number;
  /** Lowest share of successes in a second of each fault, and seconds from its end until all is well. */
  readonly faults: readonly {
    readonly name: string;
    readonly worst: number;
    readonly recoverySeconds: number;
  }[];
  /** Every hop, from one instance to one service. */
  readonly hops: readonly Hop[];
  /** What is still under way when all is over: calls on the network, in servers, in balancers and guards. */
  readonly left: number;
}

export interface Hop {
  readonly from: string;
  readonly to: string;
  readonly calls: number;
  readonly attempts: number;
}

/** The calls that began in one second, and how many of them were answered. */
export interface Second {
  readonly calls: number;
  readonly good: number;
}

/**
 * A fault must be over for the callers so long after its end, in seconds. A breaker waits about as long as the
 * fault has lasted before it tries again, and a caller's breaker may have to wait for that of its callee. After
 * five seconds of fault two or three are usual; seven is the most that 280 seeds have shown.
 */
const recoveryBound = 14;

/** Seconds from `from` until all that follow, up to `until`, are good: at most one call in a hundred fails. */
export function recoveryOf(seconds: readonly Second[], from: number, until: number): number {
  const isBad = ({ calls, good }: Second): boolean => calls - good > Math.max(1, calls / 100);
  return seconds.slice(from, until).findLastIndex(isBad) + 1;
}

/** The promises that a run broke, in words; none if all is well. */
export function brokenPromises(report: SimReport, seconds: number): string[] {
  const broken: string[] = [];
  if (report.calls !== report.answered + report.failed) {
    const silent = report.calls - report.answered - report.failed;
    broken.push(`${String(silent)} calls were never answered`);
  }
  if (report.left !== 0) broken.push(`${String(report.left)} things are still in flight`);
  for (const { from, to, calls, attempts } of report.hops) {
    const bound = 1.2 * calls + 10 * seconds;
    if (attempts > bound) {
      const text = `${String(attempts)} attempts for ${String(calls)} calls`;
      broken.push(`${from} sent ${to} ${text}, over 1.2 x calls + 10/s`);
    }
  }
  for (const { name, recoverySeconds } of report.faults) {
    if (recoverySeconds > recoveryBound) {
      broken.push(`${String(recoverySeconds)} s after "${name}" calls still failed`);
    }
  }
  return broken;
}

/** The report for people. */
export function describeReport(report: SimReport): string {
  const { calls, answered, hops, faults } = report;
  const sum = (of: (hop: Hop) => number): number => hops.reduce((total, hop) => total + of(hop), 0);
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  return [
    `seed ${String(report.seed)}: trace ${report.trace} of ${String(report.events)} events`,
    `  ${String(calls)} calls from outside, ${percent(answered / calls)} answered`,
    `  ${String(sum((hop) => hop.attempts))} attempts for ${String(sum((hop) => hop.calls))} calls of ${String(hops.length)} hops`,
    ...faults.map(
      ({ name, worst, recoverySeconds }) =>
        `  ${name}: worst second ${percent(worst)}, over after ${String(recoverySeconds)} s`,
    ),
  ].join('\n');
}
