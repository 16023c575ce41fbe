import type { Environment } from '../environment.ts';
import type { DownloadLimits } from './download.ts';
import type { Tool } from './manifest.ts';

/** Where a program was found, in the order in which weft looks. */
export type SourceName = 'env' | 'path' | 'cache' | 'release' | 'debian';

/** A program that runs on this machine. */
export interface FoundTool {
  readonly path: string;
  /** As the program itself tells it: "x.y.z". */
  readonly version: string;
  readonly source: SourceName;
}

/** What a source may need to know. */
export interface Search {
  readonly tool: Tool;
  /** The folder of verified programs, <checkout>/.tools. */
  readonly cache: string;
  readonly env: Environment;
  readonly limits: DownloadLimits;
  /** "linux-x64"; a field of deploy/tools.json. */
  readonly platform: string;
  /** Where the machine keeps its apt sources. */
  readonly aptFolder: string;
  /** Told of what was passed over although it was there. */
  readonly onNote: (note: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * One place to look. Throws a plain sentence when it cannot serve, so that the search goes on to the next
 * and, at the end, can say of each why.
 */
export type Source = (search: Search) => Promise<FoundTool>;
