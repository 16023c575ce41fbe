import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { run } from './checks/command.ts';

const root = join(import.meta.dirname, '..');
const home = join(root, 'lab/results');

const bar = z.strictObject({
  /** What is measured, with its unit at the end where it has one: "up-cold-s". */
  name: z.string().min(1),
  value: z.number(),
  op: z.enum(['<=', '>=']),
  /** What `value` is held against; set before measuring. */
  bar: z.number(),
  unit: z.string(),
});

const result = z.strictObject({
  command: z.string(),
  /** The commit that was measured; "-dirty" when the work tree differed from it. */
  commit: z.string(),
  machine: z.string(),
  /** ISO 8601. */
  at: z.string(),
  bars: z.array(bar).min(1),
  data: z.json(),
});

/** One figure and what it is held against. */
export type Bar = Readonly<z.infer<typeof bar>>;

/** What a measuring command leaves in lab/results/: figures, and all that is needed to get them again. */
export type Result = Readonly<z.infer<typeof result>>;

/** Whether a figure is as good as was asked. */
export function barHolds({ value, op, bar }: Bar): boolean {
  return op === '<=' ? value <= bar : value >= bar;
}

/**
 * Writes lab/results/<name>.json and gives its path. Commit, machine and time are taken here, so that no
 * figure is without them. Throws when a figure is not a number: what could not be measured has no result.
 */
export async function writeResult({
  name,
  directory = home,
  ...measured
}: {
  /** The name of the file, without its suffix. */
  readonly name: string;
  /** The command that measures, as it is typed: "make ground". */
  readonly command: string;
  readonly bars: readonly Bar[];
  /** Whatever explains the bars: samples, percentiles, settings. Must survive JSON. */
  readonly data: unknown;
  /** Default lab/results. */
  readonly directory?: string;
}): Promise<string> {
  const path = join(directory, `${name}.json`);
  const whole = result.parse({
    ...measured,
    commit: await measuredCommit(),
    machine: describeMachine(),
    at: new Date().toISOString(),
  });
  mkdirSync(directory, { recursive: true });
  writeFileSync(path, `${JSON.stringify(whole, null, 2)}\n`);
  return path;
}

/** Every result by its name, sorted; throws for a file that is not of the shape. */
export function readResults(directory = home): ReadonlyMap<string, Result> {
  const files = globSync('*.json', { cwd: directory }).sort();
  return new Map(
    files.map((file) => {
      const read = result.safeParse(JSON.parse(readFileSync(join(directory, file), 'utf8')));
      if (!read.success) throw new Error(`${file}: ${z.prettifyError(read.error)}`);
      return [basename(file, '.json'), read.data];
    }),
  );
}

/** The commit that is measured now, "-dirty" behind it where files differ. */
export async function measuredCommit(): Promise<string> {
  const describe = [
    'git',
    'describe',
    '--always',
    '--dirty',
    '--abbrev=40',
    '--exclude=*',
  ] as const;
  const { code, stdout } = await run(root, describe);
  return code === 0 ? stdout.trim() : 'unknown';
}

/** What a reader needs to compare: processor, memory, system, runtime; not whose machine it is. */
function describeMachine(): string {
  const processor = cpus()[0]?.model.trim() ?? 'unknown processor';
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const system = `${process.platform} ${arch()}`;
  return `${availableParallelism()} x ${processor}, ${memory}, ${system}, node ${process.version}`;
}
