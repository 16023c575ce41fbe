import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { type Check, fails, holds, type Verdict } from './check.ts';
import { run } from './command.ts';

const rules = join(import.meta.dirname, '../../.dependency-cruiser.mjs');
const grounds = ['mesh', 'services', 'lab'];

/** The part of dependency-cruiser's JSON that is read here. */
export interface Cruise {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly totalDependenciesCruised: number;
    readonly violations: readonly Breach[];
    readonly ruleSetUsed: {
      readonly forbidden: readonly { readonly name: string; readonly comment?: string }[];
    };
  };
}

interface Breach {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
  readonly cycle?: readonly { readonly name: string }[];
}

/** Holds when no import breaks a rule of .dependency-cruiser.mjs. */
export const architecture: Check = {
  name: 'architecture',
  async run(root) {
    const patterns = grounds.map((ground) => `${ground}/**/*.ts`);
    const sources = globSync(patterns, { cwd: root });
    if (sources.length === 0) return fails(`there is no source file in ${grounds.join(', ')}`);
    return judge(sources, await cruise(root));
  },
};

/**
 * The verdict on `sources`, given what dependency-cruiser saw of them. Looking at every file is not idle:
 * under a TypeScript it does not know, dependency-cruiser passes over every .ts file and reports success.
 */
export function judge(sources: readonly string[], { modules, summary }: Cruise): Verdict {
  const seen = new Set(modules.map(({ source }) => source));
  const missed = sources.filter((source) => !seen.has(source));
  if (missed.length > 0) {
    const few = missed.slice(0, 5).join(', ');
    return fails(`${missed.length} of ${sources.length} files were not cruised: ${few}`);
  }
  if (summary.violations.length > 0) return fails(describeBreaches(summary));
  return holds(`${sources.length} files, ${summary.totalDependenciesCruised} imports`);
}

/** Rule by rule: what it is for, then who breaks it. */
function describeBreaches({ violations, ruleSetUsed }: Cruise['summary']): string {
  return ruleSetUsed.forbidden
    .map(({ name, comment = '' }) => {
      const breaches = violations.filter(({ rule }) => rule.name === name).map(describeBreach);
      return breaches.length === 0 ? '' : [`${name}: ${comment}`, ...breaches].join('\n  ');
    })
    .filter((paragraph) => paragraph !== '')
    .join('\n');
}

function describeBreach({ from, to, cycle }: Breach): string {
  if (cycle !== undefined) return [from, ...cycle.map(({ name }) => name)].join(' -> ');
  return from === to ? from : `${from} -> ${to}`;
}

async function cruise(root: string): Promise<Cruise> {
  const present = grounds.filter((ground) => existsSync(join(root, ground)));
  const output = ['--output-type', 'json', '--no-cache', '--no-progress'];
  const command = ['depcruise', '--config', rules, ...output, ...present] as const;
  const { stdout, stderr } = await run(root, command);
  try {
    return JSON.parse(stdout) as Cruise;
  } catch (cause) {
    throw new Error(`dependency-cruiser said no JSON: ${stderr || stdout}`, { cause });
  }
}
