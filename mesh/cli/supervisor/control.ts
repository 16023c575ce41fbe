import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MeshPlan } from './plan.ts';
import type { Progress } from './progress.ts';
import type { MeshStatus } from './status.ts';

/**
 * What travels over the control socket: one request a connection as a line of JSON; then any number of
 * `progress` lines, and one `done` or `error` at the end.
 */
export type ControlRequest =
  | { readonly verb: 'status' }
  | { readonly verb: 'apply'; readonly plan: MeshPlan }
  | { readonly verb: 'start' | 'stop'; readonly target: string }
  | { readonly verb: 'down' };

export type ControlReply =
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'done'; readonly status?: MeshStatus }
  | { readonly kind: 'error'; readonly message: string; readonly reason?: string };

/** sockaddr_un has 108 bytes on Linux and 104 on macOS, the closing zero included (unix(7)). */
const longest = 100;

/** Where the supervisor of a checkout listens: in its .run folder, or in /tmp when that path is too long. */
export function socketPath(run: string): string {
  const path = join(run, 'weft.sock');
  if (Buffer.byteLength(path) <= longest) return path;
  const digest = createHash('sha256').update(run).digest('hex').slice(0, 16);
  return join(tmpdir(), `weft-${digest}.sock`);
}
