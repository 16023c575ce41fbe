import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Check, fails, holds } from './check.ts';
import { run } from './command.ts';
import { reroutes } from './routes.ts';

/** What the contracts are compared with: a commit, or nothing, and why. */
export interface Base {
  readonly commit?: string;
  readonly why: string;
}

/**
 * Chooses the newest release that this commit stands on, else its parent, else nothing. The parent is asked
 * of the origin when a shallow clone lacks it; without an origin, or without an answer, nothing is fetched.
 */
export async function chooseBase(root: string): Promise<Base> {
  if ((await git(root, 'rev-parse', '--verify', '--quiet', 'HEAD')) === undefined) {
    return { why: 'nothing: there is no commit yet' };
  }
  const shallow = (await git(root, 'rev-parse', '--is-shallow-repository')) === 'true';
  const parent = (await commitOf(root, 'HEAD^')) ?? (shallow ? await fetchParent(root) : undefined);
  const release = await newestRelease(root, shallow);
  if (release !== undefined) return release;
  if (parent !== undefined) return { commit: parent, why: `the parent ${parent.slice(0, 12)}` };
  return shallow
    ? { why: 'nothing: this shallow clone lacks the parent (git fetch --unshallow brings it)' }
    : { why: 'nothing: this is the first commit' };
}

/**
 * Holds when whoever built against the base can go on: no field, RPC, message or file is gone or changed, and
 * every message travels as it did.
 */
export const breaking: Check = {
  name: 'breaking',
  async run(root) {
    const { commit, why } = await chooseBase(root);
    if (commit === undefined) return holds(`against ${why}`);
    const base = await mkdtemp(join(tmpdir(), 'weft-base-'));
    try {
      if (!(await checkOut(root, commit, base))) return holds(`against ${why}: no proto/ in it`);
      // The module is named on both sides: as whole workspaces they could differ in their number of modules.
      const against = join(base, 'proto');
      const { code, stdout, stderr } = await run(root, [
        'buf',
        'breaking',
        'proto',
        '--against',
        against,
      ]);
      // What buf does not look into: the options that say where a message travels.
      const rerouted = code === 0 ? await reroutes(root, base) : [];
      if (code === 0 && rerouted.length === 0) return holds(`against ${why}`);
      return fails(
        [`against ${why}`, `${stdout}${stderr}`.trim(), ...rerouted]
          .filter((line) => line !== '')
          .join('\n'),
      );
    } finally {
      await rm(base, { recursive: true, force: true });
    }
  },
};

/**
 * In a full clone only releases that HEAD descends from count, so that a fix of an old line is compared with
 * that line. A shallow clone cannot tell; there the newest known release counts.
 */
async function newestRelease(root: string, shallow: boolean): Promise<Base | undefined> {
  const sorted = [
    '-c',
    'versionsort.suffix=-',
    'tag',
    '--list',
    'v[0-9]*',
    '--sort=-version:refname',
  ];
  const tags = await git(root, ...sorted, ...(shallow ? [] : ['--merged', 'HEAD']));
  const [tag = ''] = tags?.split('\n') ?? [];
  const commit = tag === '' ? undefined : await commitOf(root, `refs/tags/${tag}`);
  return commit === undefined ? undefined : { commit, why: `the release ${tag}` };
}

async function fetchParent(root: string): Promise<string | undefined> {
  if ((await git(root, 'remote', 'get-url', 'origin')) === undefined) return undefined;
  await git(root, 'fetch', '--quiet', '--deepen=1', 'origin');
  return await commitOf(root, 'HEAD^');
}

/**
 * Lays the contracts of a commit out in `directory`; false if it had none. An archive rather than buf's own
 * `.git#ref=`, which clones and so fails in shallow clones, in worktrees and for commits without a branch.
 */
async function checkOut(root: string, commit: string, directory: string): Promise<boolean> {
  const wanted = ['buf.yaml', 'proto', 'third_party'];
  const listed = await git(root, 'ls-tree', '--name-only', commit, '--', ...wanted);
  const present = listed?.split('\n') ?? [];
  if (!present.includes('proto')) return false;
  const archive = join(directory, 'base.tar');
  await git(root, 'archive', '--format=tar', '-o', archive, commit, '--', ...present);
  await run(directory, ['tar', '-xf', archive]);
  if (!present.includes('buf.yaml'))
    await copyFile(join(root, 'buf.yaml'), join(directory, 'buf.yaml'));
  return true;
}

function commitOf(root: string, name: string): Promise<string | undefined> {
  return git(root, 'rev-parse', '--verify', '--quiet', `${name}^{commit}`);
}

/** What git prints, or undefined if it refuses. Never asks for a password. */
async function git(root: string, ...args: readonly string[]): Promise<string | undefined> {
  const { code, stdout } = await run(root, ['git', ...args], { GIT_TERMINAL_PROMPT: '0' });
  return code === 0 ? stdout.trim() : undefined;
}
