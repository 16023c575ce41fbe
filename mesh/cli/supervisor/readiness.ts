import { connect } from 'node:net';
import { type Consul, createConsul } from '../../consul/client.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { Ready } from './plan.ts';

/** How long an answer may take, in ms: everything asked is on this machine. */
const timeoutMs = 2_000;

/** Tells once whether a process is ready; false while it cannot be reached. */
export type IsReady = (ready: Ready) => Promise<boolean>;

/** Asks the processes of the mesh whose Consul answers at `address`. */
export function createReadiness(address: string): IsReady {
  const consul = createConsul({ address, clock: systemClock });
  return async (ready) => {
    try {
      switch (ready.kind) {
        case 'leader':
          return (await consul.leader({ timeoutMs })) !== undefined;
        case 'http':
          return (await fetch(ready.url, { signal: AbortSignal.timeout(timeoutMs) })).ok;
        case 'passing':
          return await isPassing(consul, ready);
        case 'tcp':
          return await takesConnection('127.0.0.1', ready.port);
      }
    } catch {
      return false;
    }
  };
}

/**
 * Consul itself calls grpc.health.v1 of the instance; a new registration passes until its first check, and
 * one may be left over from a process that was killed. Hence a connection on top.
 */
async function isPassing(
  consul: Consul,
  { service, instanceId }: Extract<Ready, { kind: 'passing' }>,
): Promise<boolean> {
  const { value } = await consul.instances(service, { all: true, timeoutMs });
  const instance = value.find(({ id }) => id === instanceId);
  if (instance?.health !== 'passing') return false;
  return takesConnection(instance.host, instance.port);
}

function takesConnection(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const settle = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', settle(true));
    socket.once('error', settle(false));
    socket.once('timeout', settle(false));
  });
}
