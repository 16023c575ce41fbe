import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** A log of more than this many bytes is set aside (as .1) when its process starts anew. */
const rotateAt = 16 * 1024 * 1024;

/** Opens the file that takes the output of a process; the caller closes the descriptor. */
export function openOutput(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  if (sizeOf(path) > rotateAt) renameSync(path, `${path}.1`);
  return openSync(path, 'a');
}

const mark = '# weft: ';

/** A line of the supervisor's own among the output of a process. */
export function noteInOutput(path: string, text: string): void {
  appendFileSync(path, `${mark}${text}\n`);
}

/**
 * The last lines that a process wrote itself, of its last life that wrote any; at most `count`. Without
 * the frames of a stack, which push the message out of sight.
 */
export function lastWords(path: string, count: number): string[] {
  const own: string[] = [];
  for (const line of lastLines(path, 6 * count).reverse()) {
    if (/^\s+at /.test(line)) continue;
    if (!line.startsWith(mark)) own.unshift(line);
    else if (own.length > 0) break;
  }
  return own.slice(-count);
}

/** Size in bytes; 0 for a file that is not there. */
export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The last `count` lines of a log; of a file that is not there, none. */
export function lastLines(path: string, count: number): string[] {
  // A line of JSON with an error and its stack has about 2 KiB.
  const window = 4_096 * count;
  const from = Math.max(0, sizeOf(path) - window);
  return linesFrom(path, from, window).lines.slice(-count);
}

/** The whole lines of a log from byte `from` on, of at most `limit` bytes, and where to go on. */
export function linesFrom(
  path: string,
  from: number,
  limit: number,
): { readonly lines: string[]; readonly next: number } {
  const length = Math.min(limit, sizeOf(path) - from);
  if (length <= 0) return { lines: [], next: from };
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(length);
    readSync(file, buffer, 0, length, from);
    // What is being written has no end yet, unless one line is longer than all that may be read.
    const end = buffer.lastIndexOf('\n') + 1 || (length === limit ? length : 0);
    const lines = buffer.toString('utf8', 0, end).split('\n');
    return { lines: lines.filter((line) => line !== ''), next: from + end };
  } finally {
    closeSync(file);
  }
}
