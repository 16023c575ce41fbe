import { Channel, type ChannelOptions, credentials } from '@grpc/grpc-js';
import type { Clock } from '../../kernel/clock.ts';
import { addressOf, type Endpoint } from '../../kernel/endpoint.ts';
import type { AttemptContext, Connection, Method } from '../transport.ts';
import { createGate } from './gate.ts';
import { factsOf, unreached } from './outcome.ts';
import { streamCall } from './stream.ts';
import { unaryCall } from './unary.ts';
import type { Wire } from './wire.ts';

export interface ConnectionOptions {
  readonly clock: Clock;
  readonly channel: ChannelOptions;
  readonly connectTimeoutMs: number;
  readonly maxMessageBytes: number;
}

/**
 * One grpc-js channel to one address, and so one HTTP/2 connection: weft balances over connections, and
 * grpc-js's own balancing has nothing to choose from.
 */
export function createConnection(endpoint: Endpoint, options: ConnectionOptions): Connection {
  const { clock, maxMessageBytes } = options;
  const address = addressOf(endpoint);
  const channel = new Channel(address, credentials.createInsecure(), options.channel);
  const gate = createGate(channel, options);
  const wire: Wire = { channel, clock, maxMessageBytes };
  let underWay = 0;
  let closing: PromiseWithResolvers<void> | undefined;

  function enter(method: Method, context: AttemptContext): ReturnType<typeof factsOf> {
    const facts = factsOf(method, address, context.attempt);
    if (closing !== undefined) throw unreached(facts, 'the connection is being closed');
    underWay++;
    return facts;
  }

  function leave(): void {
    underWay--;
    if (closing !== undefined && underWay === 0) release(closing);
  }

  function release({ resolve }: PromiseWithResolvers<void>): void {
    // Would cut off what is under way; that is why calls are counted.
    channel.close();
    resolve();
  }

  return {
    async unary(method, request, context) {
      const facts = enter(method, context);
      try {
        await gate.pass(facts, context);
        return await unaryCall(wire, method, request, { context, facts });
      } finally {
        leave();
      }
    },
    async *stream(method, requests, context) {
      const facts = enter(method, context);
      try {
        await gate.pass(facts, context);
        yield* streamCall(wire, method, requests, { context, facts });
      } finally {
        leave();
      }
    },
    close() {
      if (closing === undefined) {
        closing = Promise.withResolvers();
        if (underWay === 0) release(closing);
      }
      return closing.promise;
    },
  };
}
