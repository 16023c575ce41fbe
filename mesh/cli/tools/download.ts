import { createHash } from 'node:crypto';
import { systemClock } from '../../kernel/clock.ts';
import { describe } from '../../kernel/error.ts';

/** Bounds of one download, so that a network that says no costs seconds and one that stalls ends. */
export interface DownloadLimits {
  /** Until the answer begins, redirects included, in ms. Default 3000: the next source is waiting. */
  readonly firstByteMs: number;
  /** Between two pieces of the answer, in ms. Default 5000. */
  readonly stallMs: number;
  /** For the whole, in ms. Default 300000: 60 MB over 2 Mbit/s pass, a trickle does not. */
  readonly totalMs: number;
  /** Default 256 MiB; the largest pinned file has 70. */
  readonly maxBytes: number;
}

export const downloadLimits: DownloadLimits = {
  firstByteMs: 3_000,
  stallMs: 5_000,
  totalMs: 300_000,
  maxBytes: 256 * 1024 * 1024,
};

/** What to fetch and the sum it must have. */
export interface Pinned {
  readonly url: string;
  readonly sha256: string;
}

/**
 * Fetches a pinned file into memory and gives it only if its sum is right: nothing unverified is ever
 * written where it could be run. Errors are plain sentences for the list of what was tried.
 */
export async function download(
  { url, sha256 }: Pinned,
  limits: DownloadLimits,
  signal?: AbortSignal,
): Promise<Buffer> {
  const watch = createWatch(signal);
  try {
    watch.within(limits.firstByteMs, `no answer within ${String(limits.firstByteMs)} ms`);
    const response = await fetch(url, { signal: watch.signal });
    if (!response.ok || response.body === null) {
      throw new Error(`the server answered ${String(response.status)}`);
    }
    const bytes = await collect(response.body, limits, watch);
    const actual = createHash('sha256').update(bytes).digest('hex');
    if (actual !== sha256) {
      throw new Error(
        `wrong checksum: sha256 ${actual} (${String(bytes.length)} bytes), pinned ${sha256}`,
      );
    }
    return bytes;
  } catch (thrown) {
    signal?.throwIfAborted();
    throw new Error(`${url}: ${causeOf(thrown)}`, { cause: thrown });
  } finally {
    watch.stop();
  }
}

async function collect(
  body: AsyncIterable<Uint8Array>,
  limits: DownloadLimits,
  watch: Watch,
): Promise<Buffer> {
  const end = systemClock.monotonic() + limits.totalMs;
  const parts: Uint8Array[] = [];
  let size = 0;
  watch.within(limits.stallMs, `stalled for ${String(limits.stallMs)} ms`);
  for await (const part of body) {
    parts.push(part);
    size += part.length;
    if (size > limits.maxBytes) throw new Error(`more than ${String(limits.maxBytes)} bytes`);
    if (systemClock.monotonic() > end) {
      throw new Error(`not done within ${String(limits.totalMs)} ms (${String(size)} bytes)`);
    }
    watch.within(limits.stallMs, `stalled for ${String(limits.stallMs)} ms`);
  }
  return Buffer.concat(parts);
}

interface Watch {
  readonly signal: AbortSignal;
  /** Aborts with `message` unless called again, or stopped, before `ms` have passed. */
  within(ms: number, message: string): void;
  stop(): void;
}

function createWatch(signal: AbortSignal | undefined): Watch {
  const controller = new AbortController();
  let cancel = (): void => undefined;
  return {
    signal: signal ? AbortSignal.any([signal, controller.signal]) : controller.signal,
    within(ms, message) {
      cancel();
      cancel = systemClock.after(ms, () => {
        controller.abort(new Error(message));
      });
    },
    stop: () => {
      cancel();
    },
  };
}

/** fetch hides the reason (ENOTFOUND, ECONNREFUSED) in the cause of a TypeError "fetch failed". */
function causeOf(thrown: unknown): string {
  const inner = thrown instanceof TypeError ? thrown.cause : undefined;
  return describe(inner ?? thrown);
}
