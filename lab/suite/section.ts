/** One part of the bench, which can be run for itself. */
export type Section = (plan: Plan) => Promise<Report>;

export interface Plan {
  /** A run that only shows that everything runs: few rounds, short blocks. */
  readonly quick: boolean;
  /** One line of progress. */
  say(text: string): void;
}

export interface Report {
  /** Figures by the names of their bars. */
  readonly figures: Readonly<Record<string, number>>;
  /** What explains them. Must survive JSON. */
  readonly data: unknown;
}

/** What a section left in the suite's file, with what it takes to know what was measured. */
export interface Kept extends Report {
  readonly commit: string;
  readonly at: string;
  readonly seconds: number;
}

export type KeptSections = Readonly<Record<string, Kept | undefined>>;

/** Rounds and length of blocks: as given, or next to nothing. */
export function effort(
  { quick }: Plan,
  rounds: number,
  ms: number,
): { readonly rounds: number; readonly ms: number } {
  return quick ? { rounds: 2, ms: Math.min(ms, 150) } : { rounds, ms };
}

/** Closes what was opened, the last first, whatever happens meanwhile. */
export async function closing<T>(
  work: (later: <C extends { close(): Promise<unknown> }>(opened: C) => C) => Promise<T>,
): Promise<T> {
  const opened: { close(): Promise<unknown> }[] = [];
  try {
    return await work((one) => {
      opened.push(one);
      return one;
    });
  } finally {
    for (const one of opened.reverse()) await one.close().catch(() => undefined);
  }
}
