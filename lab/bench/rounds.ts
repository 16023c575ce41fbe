import { median, rounded, type Spread, spreadOf } from '../suite/stats.ts';
import type { Block, Side, Traffic } from './block.ts';

/** The blocks of every side, round by round: blocks[name][round]. */
export type Blocks = Readonly<Record<string, readonly Block[]>>;

/** How many blocks long a side runs before the first of its blocks counts. */
const warmUp = 5;

/**
 * Lets every side have one block in each round, in changing order, so that whatever the machine does in
 * these seconds it does to all of them.
 */
export async function interleave(
  sides: readonly Side[],
  traffic: Traffic,
  { rounds, ms }: { readonly rounds: number; readonly ms: number },
): Promise<Blocks> {
  const blocks: Record<string, Block[]> = Object.fromEntries(sides.map(({ name }) => [name, []]));
  // For the compiler, and not looked at: what is measured is a process that has been serving for a while.
  for (const side of sides) await side.block(traffic, ms * warmUp);
  for (let round = 0; round < rounds; round++) {
    for (const side of inTurn(sides, round)) {
      blocks[side.name]?.push(await side.block(traffic, ms));
    }
  }
  return blocks;
}

/** Rotated by the round, and backwards every other time. */
export function inTurn<T>(items: readonly T[], round: number): T[] {
  const by = (round >> 1) % items.length;
  const rotated = [...items.slice(by), ...items.slice(0, by)];
  return round % 2 === 0 ? rotated : rotated.reverse();
}

/** Round by round, a figure of one side over that of another; the medians of these are what bars are held against. */
export function ratio(
  blocks: Blocks,
  [side, base]: readonly [string, string],
  figure: keyof Block,
): Spread {
  const under = blocks[base] ?? [];
  return spreadOf(
    (blocks[side] ?? []).map(
      (block, round) => block[figure] / (under[round]?.[figure] ?? Number.NaN),
    ),
  );
}

/** What a reader wants to see of each side: medians over the rounds, and its ratios to `base`. */
export function summary(blocks: Blocks, base: string): Record<string, object> {
  const figures: readonly (keyof Block)[] = [
    'perSecond',
    'clientUs',
    'serverUs',
    'allocBytes',
    'p50Ms',
    'p99Ms',
    'callsPerWrite',
    'answersPerWrite',
  ];
  return Object.fromEntries(
    Object.entries(blocks).map(([name, of]) => [
      name,
      {
        ...Object.fromEntries(
          figures.map((figure) => [figure, known(median(of.map((block) => block[figure])))]),
        ),
        ...(name !== base && {
          over: Object.fromEntries(
            figures
              .slice(0, 6)
              .map((figure) => [figure, spread(ratio(blocks, [name, base], figure))]),
          ),
        }),
      },
    ]),
  );
}

/** One line of progress per side. */
export function describe(blocks: Blocks, base: string): string[] {
  return Object.entries(blocks).map(([name, of]) => {
    const figure = (key: keyof Block): number => rounded(median(of.map((block) => block[key])));
    const over = (key: keyof Block): string =>
      name === base ? '' : ` (${ratio(blocks, [name, base], key).median}x)`;
    return [
      `    ${name.padEnd(12)}`,
      `${figure('perSecond')}/s${over('perSecond')}`,
      `client ${figure('clientUs')} us${over('clientUs')}`,
      `server ${figure('serverUs')} us${over('serverUs')}`,
      `${figure('allocBytes')} B${over('allocBytes')}`,
      `p50 ${figure('p50Ms')} ms${over('p50Ms')}`,
      `p99 ${figure('p99Ms')} ms${over('p99Ms')}`,
      `${figure('callsPerWrite')} calls/write`,
    ].join('  ');
  });
}

/** NaN has no place in JSON. */
function known(value: number): number | null {
  return Number.isFinite(value) ? rounded(value) : null;
}

function spread({ median, p10, p90 }: Spread): (number | null)[] {
  return [known(p10), known(median), known(p90)];
}
