import { chmod, lstat, mkdir, readdir, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import type { Clock } from '../../kernel/clock.ts';
import { describe, MeshError } from '../../kernel/error.ts';

/**
 * The longest path of a Unix socket, in bytes, its final zero left out: `sun_path` has 108 bytes on Linux
 * (unix(7)) and 104 on macOS and the BSDs. Node cuts what is longer without a word, and then listens
 * somewhere else.
 */
const longestPath = process.platform === 'linux' ? 107 : 103;

/** How old a socket that nobody listens on must be before others remove it: its owner may be between bind and listen. */
const abandonedMs = 60_000;

/** Where an instance listens unless it is told otherwise: a folder of this user, a file of this instance. */
export function defaultSocketPath(instanceId: string, folder: string = tmpdir()): string {
  return join(folder, `weft-${String(userInfo().uid)}`, `${instanceId}.sock`);
}

/**
 * Makes `path` free to listen on: its folder exists and is for this user alone, and what a process that was
 * killed has left there is gone. Throws INVALID_ARGUMENT for a path that cannot be a socket's, and
 * UNAVAILABLE / CANNOT_LISTEN if somebody listens there, or has put something else there.
 */
export async function claimSocket(path: string, clock: Clock): Promise<void> {
  checkPath(path);
  const folder = dirname(path);
  await ownFolder(folder);
  await removeStale(path);
  // The files of instances that were killed and never came back; each has a name of its own.
  for (const name of await readdir(folder)) {
    if (name.endsWith('.sock')) await removeAbandoned(join(folder, name), clock);
  }
}

function checkPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (isAbsolute(path) && bytes <= longestPath) return;
  const what = isAbsolute(path) ? `has ${String(bytes)} bytes` : 'is not absolute';
  throw new MeshError(
    `cannot listen on the Unix socket ${path}: the path ${what}; choose an absolute one of at most ` +
      `${String(longestPath)} bytes, or listen without a Unix socket`,
    { status: 'INVALID_ARGUMENT', reason: 'SOCKET_PATH' },
  );
}

/** Whoever may write to the folder could put a socket of their own in the place of ours. */
async function ownFolder(folder: string): Promise<void> {
  try {
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    if (made !== undefined) await chmod(folder, 0o700);
    const found = await lstat(folder);
    if (!found.isDirectory()) throw new Error('it is not a folder');
    if (found.uid !== userInfo().uid) throw new Error('it belongs to another user');
    if ((found.mode & 0o077) !== 0) throw new Error('others may use it; set its mode to 0700');
  } catch (thrown) {
    throw cannotListen(folder, describe(thrown), thrown);
  }
}

async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw cannotListen(path, 'something that is no socket is there');
  if (await answers(path)) throw cannotListen(path, 'another process listens there');
  await unlink(path).catch(() => undefined);
}

async function removeAbandoned(path: string, clock: Clock): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket() !== true || clock.now() - found.mtimeMs < abandonedMs) return;
  if (!(await answers(path))) await unlink(path).catch(() => undefined);
}

/** Whether somebody listens. A process that was killed leaves the file, and the kernel refuses for it. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // Anything else is no proof that nobody is there.
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}

function cannotListen(path: string, why: string, cause?: unknown): MeshError {
  const message = `cannot listen on the Unix socket ${path}: ${why}; choose another path, or listen without one`;
  return new MeshError(message, { status: 'UNAVAILABLE', reason: 'CANNOT_LISTEN', cause });
}
