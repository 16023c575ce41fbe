/** A sentence of the literature that can be true or false, and what was found of it. */
import { z } from '#mesh';

const shape = z.strictObject({
  /** The sentence, in our words. */
  claim: z.string().min(1),
  /** The title of its text: one of `sources`. */
  source: z.string().min(1),
  /** What was built and done to it. */
  setup: z.string().min(1),
  /** What was seen, with its figures. */
  result: z.string().min(1),
  /** Whether the sentence is true of what was seen. One that is not stays, and says so. */
  held: z.boolean(),
});

export type Claim = Readonly<z.infer<typeof shape>>;

/** What each experiment has stated, by its name. */
export type Stated = ReadonlyMap<string, readonly Claim[]>;

export const sources = {
  interService: 'Inter-Service Communication (2022)',
  interprocess: 'Interprocess communication in a microservice architecture',
  reliable: 'Designing Reliable Services Communication (2018)',
  distributed: 'Understanding distributed system',
  howTo: 'How to communicate between micro-services (2017)',
} as const;

const kept = z.object({ claims: z.record(z.string(), z.array(shape)) });

/** What was stated by earlier runs, from the data of claims.json; nothing of what is not of the shape. */
export function claimsIn(data: unknown): Stated {
  const read = kept.safeParse(data);
  return new Map(read.success ? Object.entries(read.data.claims) : []);
}

/** All claims, by the experiments in their order; of those that did not run now, what they stated before. */
export function mergeClaims(names: readonly string[], before: Stated, fresh: Stated): Stated {
  return new Map(names.map((name) => [name, fresh.get(name) ?? before.get(name) ?? []]));
}

/** One table of all of them, for docs/claims.md. */
export function claimsTable(stated: Stated): string {
  const head = ['claim', 'held', 'result', 'set-up', 'source', 'experiment'];
  const rows = [...stated].flatMap(([name, claims]) =>
    claims.map(({ claim, source, setup, result, held }) => {
      return [claim, held ? 'yes' : '**no**', result, setup, `"${source}"`, `\`${name}\``];
    }),
  );
  const line = (cells: readonly string[]): string => {
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  };
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Claims that were put to the test, and experiments that have stated nothing yet. */
export function countClaims(stated: Stated): {
  readonly stated: number;
  readonly unmeasured: number;
} {
  const each = [...stated.values()].map(({ length }) => length);
  return {
    stated: each.reduce((sum, length) => sum + length, 0),
    unmeasured: each.filter((length) => length === 0).length,
  };
}
