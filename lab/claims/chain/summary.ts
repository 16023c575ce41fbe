import { type Fate, patienceMs, type Question, type Watch } from './front.ts';

/** What a run comes down to. */
export interface Summary {
  readonly sent: number;
  readonly fates: Readonly<Record<Fate, number>>;
  /** Share of all questions that were answered in time. */
  readonly inTime: number;
  /** Share of those that were sent while nothing was wrong yet. */
  readonly inTimeBefore: number;
  /** Share of those that were sent while something was wrong. */
  readonly inTimeDuringFault: number;
  readonly errors: Readonly<Record<string, number>>;
  /** Of all questions sent while something was wrong, errors included. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly longestMs: number;
  /** The most calls in hand at A, B and C. */
  readonly piledUp: readonly [number, number, number];
  /** From the first question that was not answered in time to the last one. */
  readonly disturbedMs: number;
  /** From the end of the fault to the last question that was not answered in time. */
  readonly recoveryMs: number;
  /** False when questions were not answered in time until the end of the run: the recovery took longer. */
  readonly recovered: boolean;
}

export interface FaultTime {
  readonly fromMs: number;
  readonly toMs: number;
}

export function summarize({ questions, inFlight }: Watch, fault: FaultTime): Summary {
  const during = questions.filter(({ sentMs }) => sentMs >= fault.fromMs && sentMs < fault.toMs);
  const before = questions.filter(({ sentMs }) => sentMs < fault.fromMs - 100);
  const count = (fate: Fate): number => questions.filter((each) => each.fate === fate).length;
  const errors: Record<string, number> = {};
  for (const { status } of questions) {
    if (status !== undefined) errors[status] = (errors[status] ?? 0) + 1;
  }
  const most = (index: 0 | 1 | 2): number => Math.max(0, ...inFlight.map((each) => each[index]));
  const bad = questions.filter(({ fate }) => fate !== 'in time').map(({ sentMs }) => sentMs);
  const [firstBadMs = 0, lastBadMs = firstBadMs] = [bad[0], bad.at(-1)];
  return {
    sent: questions.length,
    fates: {
      'in time': count('in time'),
      late: count('late'),
      error: count('error'),
      none: count('none'),
    },
    inTime: shareInTime(questions),
    inTimeBefore: shareInTime(before),
    inTimeDuringFault: shareInTime(during),
    errors,
    p50Ms: percentile(during, 0.5),
    p99Ms: percentile(during, 0.99),
    longestMs: percentile(questions, 1),
    piledUp: [most(0), most(1), most(2)],
    disturbedMs: Math.round(lastBadMs - firstBadMs),
    recoveryMs: Math.max(0, Math.round(lastBadMs - fault.toMs)),
    recovered: !questions.slice(-30).some(({ fate }) => fate !== 'in time'),
  };
}

function shareInTime(questions: readonly Question[]): number {
  const answered = questions.filter(({ fate }) => fate === 'in time').length;
  return questions.length === 0 ? 1 : Math.round((10_000 * answered) / questions.length) / 10_000;
}

function percentile(questions: readonly Question[], share: number): number {
  const sorted = questions.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  return Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
}

/** Questions by the time at which they were sent, in bins. */
export function binned(questions: readonly Question[], binMs: number, bins: number): Question[][] {
  const all = Array.from({ length: bins }, (): Question[] => []);
  for (const question of questions) all[Math.floor(question.sentMs / binMs)]?.push(question);
  return all;
}

/** The slowest hundredth of a bin, in seconds; what was not answered counts as long as it was waited for. */
export function p99Seconds(bin: readonly Question[]): number {
  return percentile(bin, 0.99) / patienceMs;
}
