/** The books of one user. */
export interface Books {
  readonly id: string;
  /** What was stored, by recipient. */
  readonly wrote: ReadonlyMap<string, readonly string[]>;
  /** What was shown, by sender. */
  readonly read: ReadonlyMap<string, readonly string[]>;
  /** Frames that told again what was known. */
  readonly repeated: number;
}

export interface Count {
  readonly messages: number;
  /** Stored, and not shown to the recipient. */
  readonly lost: number;
  /** Shown again, or pushed again to a client that had it. */
  readonly doubled: number;
  /** Shown after one that was written later, in the same conversation. */
  readonly disordered: number;
}

/** Holds what everybody wrote against what everybody was shown. */
export function countAll(books: readonly Books[]): Count {
  const count = { messages: 0, lost: 0, doubled: 0, disordered: 0 };
  for (const reader of books) {
    count.doubled += reader.repeated;
    for (const writer of books) {
      const wrote = writer.wrote.get(reader.id) ?? [];
      const read = reader.read.get(writer.id) ?? [];
      const shown = new Set(read);
      count.messages += wrote.length;
      count.lost += wrote.filter((each) => !shown.has(each)).length;
      count.doubled += read.length - shown.size;
      count.disordered += read.filter((each, i) => Number(each) < Number(read[i - 1] ?? -1)).length;
    }
  }
  return count;
}
