import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Whether two processes can meet at a path: on one machine, since the same boot, in the same mount namespace.
 * (Containers of one machine share its boot id and often its machine id, but not its files; the network
 * namespace is no matter, for a Unix socket with a path is found by the file system alone.)
 */
let known: string | undefined;

/** The place that processes of this host share, as 16 hexadecimal digits; the same until the next boot. */
export function hostId(): string {
  known ??= createHash('sha256').update(facts().join('\n')).digest('hex').slice(0, 16);
  return known;
}

function facts(): string[] {
  const read = (path: string) => (): string => readFileSync(path, 'utf8').trim();
  return [
    // For systems without /proc, where the socket file itself must then tell.
    hostname(),
    fact(read('/etc/machine-id')),
    fact(read('/proc/sys/kernel/random/boot_id')),
    fact(() => readlinkSync('/proc/self/ns/mnt')),
  ];
}

function fact(of: () => string): string {
  try {
    return of();
  } catch {
    return '';
  }
}
