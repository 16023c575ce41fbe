import {
  type HealthCheckResponse,
  type HealthDefinition,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../../gen/grpc/health/v1/health.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Implementation } from './implementation.ts';

/** What a server says of itself or of one of its services. */
export type HealthStatus = 'SERVING' | 'NOT_SERVING';

/** The health of a server: grpc.health.v1 (grpc/doc/health-checking.md), all three methods. */
export interface Health {
  readonly implementation: Implementation<HealthDefinition>;
  /** Sets the status of a service, or of the whole server ('' ). Ignored after `shutDown`. */
  set(service: string, status: HealthStatus): void;
  /**
   * Everything is NOT_SERVING from now on, for good. Watchers are told, and then sent away with UNAVAILABLE:
   * a watch never ends by itself, and a drain waits for what has not ended.
   */
  shutDown(): void;
}

/** A health that knows no service yet, not even ''. */
export function createHealth(): Health {
  const statuses = new Map<string, HealthStatus>();
  const changes = createChanges();
  let shut = false;

  const answerOf = (service: string): HealthCheckResponse => {
    const status = statuses.get(service);
    return { status: status === undefined ? ServingStatus.SERVICE_UNKNOWN : ServingStatus[status] };
  };

  return {
    implementation: {
      check({ service }) {
        return statuses.has(service)
          ? Promise.resolve(answerOf(service))
          : Promise.reject(unknownService(service, [...statuses.keys()]));
      },
      async *watch({ service }, { signal }) {
        let last: number | undefined;
        while (!signal.aborted) {
          const answer = answerOf(service);
          if (answer.status !== last) {
            last = answer.status;
            yield answer;
            // The status may have changed while the client was slow to read.
            continue;
          }
          if (shut) throw goingAway();
          await changes.next(signal);
        }
      },
      list() {
        const services = [...statuses.keys()];
        return Promise.resolve({
          statuses: Object.fromEntries(services.map((name) => [name, answerOf(name)])),
        });
      },
    },
    set(service, status) {
      if (shut) return;
      statuses.set(service, status);
      changes.tell();
    },
    shutDown() {
      for (const service of statuses.keys()) statuses.set(service, 'NOT_SERVING');
      shut = true;
      changes.tell();
    },
  };
}

interface Changes {
  /** Resolves at the next change, or when the watcher goes away. */
  next(signal: AbortSignal): Promise<void>;
  tell(): void;
}

function createChanges(): Changes {
  const waiting = new Set<() => void>();
  return {
    next: (signal) =>
      new Promise((resolve) => {
        const wake = (): void => {
          waiting.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        waiting.add(wake);
        signal.addEventListener('abort', wake);
      }),
    tell() {
      for (const wake of [...waiting]) wake();
    },
  };
}

function unknownService(service: string, known: readonly string[]): MeshError {
  const names = known.map((name) => (name === '' ? '"" (the whole server)' : name)).join(', ');
  return new MeshError(`no service ${JSON.stringify(service)} is known here; known are ${names}`, {
    status: 'NOT_FOUND',
    reason: 'UNKNOWN_SERVICE',
  });
}

function goingAway(): MeshError {
  const message = 'this instance is shutting down; watch another one';
  return new MeshError(message, { status: 'UNAVAILABLE', reason: 'SERVER_STOPPING' });
}
