import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../checks/command.ts';

/** What the bench fetches for itself; git does not keep it, `make bench` finds it again. */
export const shed = join(import.meta.dirname, '../../.tools/bench');

/**
 * Unpacks packages of Debian into a folder of their own and gives it. Nothing is installed and no root right is
 * needed; apt verifies what it downloads. Throws, saying why, where this is no Debian or it knows no packages.
 */
export async function unpack(name: string, packages: readonly string[]): Promise<string> {
  const sum = createHash('sha256').update(packages.join()).digest('hex').slice(0, 8);
  const root = join(shed, `${name}-${sum}`);
  if (existsSync(root)) return root;
  const work = `${root}.new`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(join(work, 'debs'), { recursive: true });
  await must(join(work, 'debs'), ['apt-get', '-qq', 'download', ...packages]);
  for (const deb of globSync('*.deb', { cwd: join(work, 'debs') })) {
    await must(work, ['dpkg-deb', '-x', `debs/${deb}`, 'root']);
  }
  renameSync(join(work, 'root'), root);
  rmSync(work, { recursive: true });
  return root;
}

/** Runs a command that has to succeed. */
export async function must(
  cwd: string,
  command: readonly [string, ...string[]],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(cwd, command, env);
  if (code === 0) return stdout;
  const said = stderr.trim().split('\n').slice(-3).join('; ');
  throw new Error(`${command.slice(0, 3).join(' ')} ended with ${code}: ${said}`);
}
