import { createHash } from 'node:crypto';
import {
  chmodSync,
  createReadStream,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import { systemRandom } from '../../kernel/random.ts';
import type { FoundTool, Search, Source } from './source.ts';
import { askVersion, atLeast } from './version.ts';

/** What is known of a cached program; the sum is of the program itself, taken when it was put there. */
const receipt = z.object({
  version: z.string(),
  sha256: z.string(),
  /** Where it came from, for people. */
  from: z.string(),
});
type Receipt = z.infer<typeof receipt>;

const receiptFile = 'receipt.json';

/** The folders `<name>-<version>` of the cache with their receipts, newest version first. */
function cached(cache: string, name: string): { folder: string; receipt: Receipt }[] {
  const found: { folder: string; receipt: Receipt }[] = [];
  for (const entry of listFolder(cache)) {
    if (!entry.startsWith(`${name}-`)) continue;
    const folder = join(cache, entry);
    try {
      const text = readFileSync(join(folder, receiptFile), 'utf8');
      found.push({ folder, receipt: receipt.parse(JSON.parse(text)) });
    } catch {
      // Without a readable receipt it cannot be verified, and so does not exist.
    }
  }
  return found.sort((a, b) => (atLeast(a.receipt.version, b.receipt.version) ? -1 : 1));
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

async function sumOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest('hex');
}

/**
 * A program that an earlier search put into the cache. Its sum is taken again every time (a tenth of a
 * second for the largest): a file that was cut short or changed is thrown away, never run.
 */
export const fromCache: Source = async ({ tool, cache, onNote }) => {
  for (const { folder, receipt: known } of cached(cache, tool.name)) {
    if (!atLeast(known.version, tool.minimum)) continue;
    const path = join(folder, tool.name);
    const actual = await sumOf(path).catch(() => 'missing');
    if (actual === known.sha256) return { path, version: known.version, source: 'cache' };
    onNote(`${tool.name}: ${path} is not what was put there, and is thrown away`);
    rmSync(folder, { recursive: true, force: true });
  }
  throw new Error(`nothing usable in ${cache}`);
};

/** A new folder inside the cache: on its file system, so that a rename into place is atomic. */
export function workFolder(cache: string, name: string): string {
  const folder = join(cache, `.work-${name}-${systemRandom.hex(6)}`);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * Puts a verified program into the cache: it is run once for its version, then its folder is renamed into
 * place, so that whoever looks sees all of it or nothing. `from` says where it came from.
 */
export async function keep(
  { tool, cache }: Search,
  program: Buffer,
  { from, source }: { from: string; source: FoundTool['source'] },
): Promise<FoundTool> {
  const work = workFolder(cache, tool.name);
  try {
    const path = join(work, tool.name);
    writeFileSync(path, program);
    chmodSync(path, 0o755);
    const version = await askVersion(path, tool.versionArgument);
    if (!atLeast(version, tool.minimum)) {
      throw new Error(`it is ${version}, and weft needs ${tool.minimum} or newer`);
    }
    const sha256 = createHash('sha256').update(program).digest('hex');
    writeFileSync(join(work, receiptFile), JSON.stringify({ version, sha256, from }, null, 2));
    const home = join(cache, `${tool.name}-${version}`);
    rmSync(home, { recursive: true, force: true });
    renameSync(work, home);
    return { path: join(home, tool.name), version, source };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
