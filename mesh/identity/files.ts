import { readFile } from 'node:fs/promises';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { describe, MeshError } from '../kernel/error.ts';
import { type Log, silentLog } from '../kernel/log.ts';
import type { Identity } from './identity.ts';
import { keep } from './kept.ts';
import { certificatesIn, type RawCredentials, readCredentials } from './leaf.ts';

export interface FileIdentityOptions {
  /** The certificate in PEM, those between it and the root behind it. */
  readonly certificate: string;
  /** Its key in PEM. */
  readonly key: string;
  /** The roots in PEM, one after the other. */
  readonly roots: string;
  /** How often the files are read, in ms. Default 1000. */
  readonly everyMs?: number;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: silent. */
  readonly log?: Log;
}

/**
 * An identity from PEM files that somebody else renews, as spire-agent, cert-manager or a cron job. They are read
 * again and again, and not watched: whoever swaps a link to a folder moves what a watch would look at. A key that
 * does not belong to the certificate is what one sees between two writes; it is tried again at the next reading.
 *
 * Throws INVALID_ARGUMENT / IDENTITY_INVALID if there is nothing usable at the start.
 */
export async function openFileIdentity(options: FileIdentityOptions): Promise<Identity> {
  const { clock = systemClock, log = silentLog, everyMs = 1000 } = options;
  const source = `the file ${options.certificate}`;
  let seen = await readAll(options);
  let warned: string | undefined;
  let closed = false;
  let stopWaiting = (): void => undefined;
  const kept = keep(readCredentials(seen, source), {
    ...{ clock, log, source },
    stop() {
      closed = true;
      stopWaiting();
    },
  });

  const look = async (): Promise<void> => {
    try {
      const found = await readAll(options);
      if (closed || same(found, seen)) return;
      kept.show(readCredentials(found, source));
      seen = found;
      warned = undefined;
    } catch (thrown) {
      const why = MeshError.from(thrown).rawMessage;
      if (why !== warned) log.warn('the identity stays as it is', { why });
      warned = why;
    }
  };
  const wait = (): void => {
    stopWaiting = clock.after(everyMs, () => {
      void look().then(() => {
        if (!closed) wait();
      });
    });
  };
  wait();
  return kept;
}

async function readAll({ certificate, key, roots }: FileIdentityOptions): Promise<RawCredentials> {
  const [certificates, keyText, rootsText] = await Promise.all([
    read(certificate),
    read(key),
    read(roots),
  ]);
  return { certificates, key: keyText, roots: certificatesIn(rootsText) };
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    throw new MeshError(`the identity cannot be read: ${describe(thrown)}`, {
      status: 'INVALID_ARGUMENT',
      reason: 'IDENTITY_INVALID',
      cause: thrown,
    });
  }
}

function same(a: RawCredentials, b: RawCredentials): boolean {
  return a.certificates === b.certificates && a.key === b.key && a.roots.join() === b.roots.join();
}
