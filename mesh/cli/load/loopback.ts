import { isIPv4 } from 'node:net';
import type { Resolver } from '../../discovery/resolver.ts';
import { MeshError } from '../../kernel/error.ts';

/** Whether a host is this machine, by its address alone: a name may lead anywhere, but for "localhost". */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '');
  return bare === 'localhost' || bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'));
}

/** Throws PERMISSION_DENIED / NOT_LOOPBACK for a host that is another machine. */
export function assertLoopback(host: string): void {
  if (isLoopback(host)) return;
  throw new MeshError(
    `${host} is not this machine, and load hurts: --anywhere if those who run it know of it`,
    { status: 'PERMISSION_DENIED', reason: 'NOT_LOOPBACK' },
  );
}

/** Discovery without the instances on other machines: those that join while a load runs get nothing of it. */
export function onThisMachine(resolver: Resolver): Resolver {
  return {
    watch: (service, listener) =>
      resolver.watch(service, (snapshot) => {
        const endpoints = snapshot.endpoints.filter(({ host }) => isLoopback(host));
        listener({ ...snapshot, endpoints });
      }),
  };
}
