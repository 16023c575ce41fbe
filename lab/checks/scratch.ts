import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from './command.ts';

/** A directory that a test fills with faults. */
export interface Scratch {
  readonly root: string;
  /** Writes files by their path within the directory; null removes one. */
  write(files: Readonly<Record<string, string | null>>): void;
  /** Runs git here and gives what it prints; throws if it refuses. */
  git(...args: readonly string[]): Promise<string>;
  /** Commits everything as it stands. */
  commit(message: string): Promise<void>;
  close(): void;
}

/** Nothing of the person who runs the tests: neither their settings nor, in a hook, their repository. */
const anonymous = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'weft',
  GIT_AUTHOR_EMAIL: 'weft@example.com',
  GIT_COMMITTER_NAME: 'weft',
  GIT_COMMITTER_EMAIL: 'weft@example.com',
};

export function createScratch(): Scratch {
  for (const name of ['GIT_DIR', 'GIT_INDEX_FILE', 'GIT_WORK_TREE'])
    Reflect.deleteProperty(process.env, name);
  const root = mkdtempSync(join(tmpdir(), 'weft-scratch-'));
  const git = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(root, ['git', ...args], anonymous);
    if (code !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  return {
    root,
    git,
    write(files) {
      for (const [path, content] of Object.entries(files)) {
        const file = join(root, path);
        mkdirSync(dirname(file), { recursive: true });
        if (content === null) rmSync(file, { recursive: true });
        else writeFileSync(file, content);
      }
    },
    async commit(message) {
      await git('add', '--all');
      await git('commit', '--quiet', '--allow-empty', '-m', message);
    },
    close: () => rmSync(root, { recursive: true, force: true }),
  };
}
