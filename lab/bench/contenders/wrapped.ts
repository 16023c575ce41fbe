import { type ServiceError, status } from '@grpc/grpc-js';
import {
  bulkhead,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  retry,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel';
import type { ClientSide } from '../contender.ts';
import { openStub } from './bare.ts';

/** The same stub in cockatiel's policies, composed as its documentation does, with the numbers of weft. */
export const wrappedClient: ClientSide = {
  async connect(servers) {
    const stub = openStub(servers);
    const faults = handleWhen((error) => codeOf(error) === status.UNAVAILABLE);
    const policy = wrap(
      retry(faults, {
        maxAttempts: 2,
        backoff: new ExponentialBackoff({ initialDelay: 25, maxDelay: 250 }),
      }),
      circuitBreaker(faults, { halfOpenAfter: 1000, breaker: new ConsecutiveBreaker(7) }),
      timeout(2000, TimeoutStrategy.Cooperative),
      bulkhead(1024),
    );
    return {
      echo: (order) =>
        policy.execute(
          ({ signal }) =>
            new Promise((resolve, reject) => {
              const cancel = (): void => {
                call.cancel();
              };
              const call = stub.echo({ order }, (error, response) => {
                signal.removeEventListener('abort', cancel);
                if (error === null) resolve(response);
                else reject(error);
              });
              signal.addEventListener('abort', cancel);
            }),
        ),
      async close() {
        stub.close();
      },
    };
  },
};

function codeOf(error: unknown): number | undefined {
  return error instanceof Error ? (error as Partial<ServiceError>).code : undefined;
}
