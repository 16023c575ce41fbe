import type { Endpoint } from '../kernel/endpoint.ts';
import { MeshError } from '../kernel/error.ts';
import { onGivenUp } from '../rpc/signals.ts';
import type { AttemptContext, Connection, Transport } from '../rpc/transport.ts';

/** One attempt as it reached an endpoint. */
export interface FakeArrival {
  readonly endpoint: Endpoint;
  readonly request: unknown;
  readonly context: AttemptContext;
}

export interface FakeTransport extends Transport {
  /** Every attempt, in order; a test may empty it. */
  readonly arrivals: FakeArrival[];
  /** Endpoints whose connections were closed. */
  readonly closed: readonly Endpoint[];
}

/**
 * A transport without a wire: `answer` says what becomes of each unary attempt, `messages` of each stream. An
 * attempt ends when its caller gives it up; deadlines are left to the test, whose clock stands still.
 */
export function createFakeTransport(
  answer: (arrival: FakeArrival) => unknown,
  messages: (arrival: FakeArrival) => AsyncIterable<unknown> = () => {
    throw new MeshError('this test has no streams', { status: 'UNIMPLEMENTED' });
  },
): FakeTransport {
  const arrivals: FakeArrival[] = [];
  const closed: Endpoint[] = [];
  const open = (endpoint: Endpoint): Connection => ({
    unary: (_method, request, context) => {
      const arrival = { endpoint, request, context };
      arrivals.push(arrival);
      return new Promise((resolve, reject) => {
        const forget = onGivenUp(context, reject);
        new Promise((settle) => {
          settle(answer(arrival));
        })
          .finally(forget)
          // What the test answers with is what the method answers with.
          .then(resolve as (value: unknown) => void, reject);
      });
    },
    async *stream(_method, requests, context) {
      const arrival = { endpoint, request: requests, context };
      arrivals.push(arrival);
      yield* messages(arrival) as AsyncIterable<never>;
    },
    close: async () => {
      closed.push(endpoint);
    },
  });
  return { open, arrivals, closed };
}

/** Endpoints of one service, with ids "<service>-0" and so on. */
export function fakeEndpoints(
  service: string,
  count: number,
  metadata: Readonly<Record<string, string>> = {},
): Endpoint[] {
  return Array.from({ length: count }, (_, n) => ({
    instanceId: `${service}-${String(n)}`,
    service,
    host: '127.0.0.1',
    port: 4000 + n,
    metadata,
  }));
}
