import { join } from 'node:path';
import { describe, MeshError } from '../../kernel/error.ts';
import { type Environment, environment } from '../environment.ts';
import { withLock } from '../lock.ts';
import { checkoutOf } from '../root.ts';
import { fromCache } from './cache.ts';
import { fromDebian } from './debian.ts';
import { type DownloadLimits, downloadLimits } from './download.ts';
import { fromEnvironment, fromPath } from './local.ts';
import { readTool, type ToolName } from './manifest.ts';
import { fromRelease } from './release.ts';
import type { FoundTool, Search, Source, SourceName } from './source.ts';

export type { FoundTool } from './source.ts';

export interface FindOptions {
  /** The folder of verified programs. Default: .tools of the checkout. */
  readonly cache?: string;
  /** Default: the environment of this process. */
  readonly env?: Environment;
  /** Bounds of a download; absent ones take the defaults of download.ts. */
  readonly limits?: Partial<DownloadLimits>;
  /** False: only what is on this machine already. Default true. */
  readonly fetch?: boolean;
  /** Another deploy/tools.json. */
  readonly manifest?: string;
  /** Default: /etc/apt. */
  readonly aptFolder?: string;
  /** Told of programs that were there and were passed over. Default: nobody. */
  readonly onNote?: (note: string) => void;
  /** Told once when the program has to be fetched, which may take minutes. Default: nobody. */
  readonly onFetch?: (what: string) => void;
  /** Ends the search. */
  readonly signal?: AbortSignal;
}

/** What is here already, cheapest and most wanted first. */
const here: readonly (readonly [SourceName, Source])[] = [
  ['env', fromEnvironment],
  ['path', fromPath],
  ['cache', fromCache],
];

/** What has to be fetched. The cache is asked once more: another process may have filled it meanwhile. */
const away: readonly (readonly [SourceName, Source])[] = [
  ['cache', fromCache],
  ['release', fromRelease],
  ['debian', fromDebian],
];

/**
 * Finds a program that weft runs beside Node: the environment's, PATH's, the checkout's cache, the
 * publisher's release, Debian's package, in this order. Only a program that is verified, new enough and
 * runs on this machine is given. Throws NOT_FOUND / TOOL_NOT_FOUND with what was tried and how to install
 * by hand.
 */
export async function findTool(name: ToolName, options: FindOptions = {}): Promise<FoundTool> {
  const search = searchFor(name, options);
  const causes = new Map<SourceName, string>();
  const nearby = await firstOf(here, search, causes);
  if (nearby !== undefined) return nearby;
  if (options.fetch === false) throw notFound(search, causes);
  options.onFetch?.(`${name} is not on this machine: fetching it, once`);
  const lock = join(search.cache, `.${name}.lock`);
  const fetched = await withLock(lock, () => firstOf(away, search, causes), options.signal);
  if (fetched !== undefined) return fetched;
  throw notFound(search, causes);
}

function searchFor(name: ToolName, options: FindOptions): Search {
  return {
    tool: readTool(name, options.manifest),
    cache: options.cache ?? join(checkoutOf(), '.tools'),
    env: options.env ?? environment(),
    limits: { ...downloadLimits, ...options.limits },
    platform: `${process.platform}-${process.arch}`,
    aptFolder: options.aptFolder ?? '/etc/apt',
    onNote: options.onNote ?? (() => undefined),
    ...(options.signal && { signal: options.signal }),
  };
}

async function firstOf(
  sources: readonly (readonly [SourceName, Source])[],
  search: Search,
  causes: Map<SourceName, string>,
): Promise<FoundTool | undefined> {
  for (const [name, source] of sources) {
    try {
      return await source(search);
    } catch (thrown) {
      search.signal?.throwIfAborted();
      if (thrown instanceof MeshError) throw thrown;
      causes.set(name, describe(thrown));
    }
  }
  return undefined;
}

function notFound({ tool, platform }: Search, causes: Map<SourceName, string>): MeshError {
  const tried = [...causes].map(([source, cause]) => `  ${source.padEnd(8)}${cause}`);
  const file = tool.release.files[platform];
  const byHand =
    file === undefined
      ? `install ${tool.name} ${tool.minimum} or newer`
      : `download ${file.url}\n  (sha256 ${file.sha256}), unpack it`;
  const lines = [
    `${tool.name} is not on this machine, and no source could give it:`,
    ...tried,
    `By hand: ${byHand}`,
    `  and put ${tool.name} on PATH, or set ${tool.env} to its path.`,
  ];
  return new MeshError(lines.join('\n'), { status: 'NOT_FOUND', reason: 'TOOL_NOT_FOUND' });
}
