import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, shed } from '../bench/debian.ts';
import type { Plan } from './section.ts';

/**
 * Brings the packages of a folder with package.json and lockfile into the shed, once and again when the lockfile
 * changes; gives where they are. Outside of lab/, so that checks which look at every source do not look at theirs.
 */
export async function installPackages(plan: Plan, folder: string, name: string): Promise<string> {
  const home = join(shed, name);
  const mark = join(home, 'installed.json');
  const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === lock) return home;
  plan.say('  installing what weft is measured beside (npm ci)');
  mkdirSync(home, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) {
    copyFileSync(join(folder, file), join(home, file));
  }
  const quietly = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'] as const;
  await must(home, ['npm', 'ci', ...quietly]);
  writeFileSync(mark, lock);
  return home;
}
