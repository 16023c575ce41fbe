import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { MeshError } from '../kernel/error.ts';
import type { HttpMeter } from '../telemetry/http-metrics.ts';
import type { Admission } from './admission.ts';
import { type Arrival, arrive, known } from './arrive.ts';
import { errorAnswer } from './error-body.ts';
import { upgradeTokenOf } from './token.ts';
import type { Upgrade } from './upgrade.ts';

/** Connections that left HTTP. */
export interface Upgrades {
  take(incoming: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Lets those who took connections say goodbye. */
  drain(): Promise<void>;
}

export interface UpgradesOptions {
  readonly upgrades: readonly Upgrade[];
  readonly admission: Admission;
  readonly reading: Arrival;
  /** Undefined: nobody counts. */
  readonly meter: HttpMeter | undefined;
}

export function createUpgrades({ upgrades, admission, reading, meter }: UpgradesOptions): Upgrades {
  const byPath = new Map(upgrades.map((upgrade) => [upgrade.path, upgrade]));
  let leaving = false;

  async function admit(incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const request = arrive(incoming, reading);
    const taker = byPath.get(request?.url.pathname ?? '');
    if (request === undefined || taker === undefined) throw noSuchDoor(incoming);
    if (leaving) throw isLeaving();
    const token = upgradeTokenOf(request.headers, request.url);
    const { principal } = await admission.admit(request, token);
    // It may have gone, or the edge may have begun to leave, while its token was looked at.
    if (socket.destroyed) return;
    socket.removeListener('error', ignore);
    const closed = meter?.upgraded(taker.path);
    if (closed !== undefined) socket.once('close', closed);
    taker.accept({ ...known(request, principal), incoming }, socket, head);
  }

  return {
    take(incoming, socket, head) {
      // Nobody else listens yet, and an error without a listener ends the process.
      socket.on('error', ignore);
      admit(incoming, socket, head).catch((thrown: unknown) => {
        refuse(socket, MeshError.from(thrown));
      });
    },
    async drain() {
      leaving = true;
      await Promise.allSettled(upgrades.map(async (upgrade) => upgrade.drain?.()));
    },
  };
}

const ignore = (): void => undefined;

/** A refusal in the words of HTTP, for there is no answer object on an upgrade. */
function refuse(socket: Duplex, error: MeshError): void {
  const { status, headers, body } = errorAnswer(error);
  const all = {
    ...headers,
    connection: 'close',
    'content-length': String(Buffer.byteLength(body)),
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${String(status)} Refused\r\n${lines.join('')}\r\n${body}`);
}

function noSuchDoor({ url = '' }: IncomingMessage): MeshError {
  return new MeshError(`nothing is upgraded at ${url.slice(0, 200)}`, {
    status: 'NOT_FOUND',
    reason: 'NO_ROUTE',
  });
}

function isLeaving(): MeshError {
  return new MeshError('this edge is leaving; connect again', {
    ...{ status: 'UNAVAILABLE', reason: 'INSTANCE_LEAVING', details: { retryAfterMs: 1000 } },
  });
}
