import type { ConfigEntry, ConfigKind } from '../../consul/types.ts';
import { describe } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import type { EntryReader } from './entry.ts';

/** The entries of one kind, by service: of each the last version that could be read. */
export interface Shelf<T> {
  /** False until the store has said what there is. */
  readonly filled: boolean;
  /** What there is now. An entry that cannot be read is reported, and the version before it stays. */
  fill(entries: readonly ConfigEntry[]): void;
  find(service: string): Kept<T> | undefined;
}

interface Kept<T> {
  readonly version: number;
  readonly value: T;
}

function versionOf(kept: Kept<unknown> | undefined): string {
  return kept === undefined ? 'no entry' : `version ${kept.version}`;
}

export function createShelf<T>(kind: ConfigKind, read: EntryReader<T>, log: Log): Shelf<T> {
  let filled = false;
  const kept = new Map<string, Kept<T>>();
  /** The newest version of each that was looked at, so that each is reported once. */
  let judged = new Map<string, number>();

  const judge = ({ name, version, fields }: ConfigEntry): void => {
    const ignored = new Set<string>();
    try {
      kept.set(name, { version, value: read(fields, (what) => ignored.add(what)) });
    } catch (thrown) {
      log.error('a config entry is refused and changes nothing', {
        kind,
        service: name,
        version,
        fault: describe(thrown),
        inForce: versionOf(kept.get(name)),
      });
      return;
    }
    if (ignored.size === 0) return;
    log.warn('a config entry says more than weft follows', {
      kind,
      service: name,
      version,
      ignored: [...ignored].join(', '),
    });
  };

  return {
    get filled() {
      return filled;
    },
    fill(entries) {
      filled = true;
      const before = judged;
      judged = new Map(entries.map(({ name, version }) => [name, version]));
      for (const name of [...kept.keys()]) if (!judged.has(name)) kept.delete(name);
      for (const entry of entries) if (before.get(entry.name) !== entry.version) judge(entry);
    },
    find: (service) => kept.get(service),
  };
}
