import { Channel, type ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js';
import type { Clock } from '../../kernel/clock.ts';
import { createGate, type Gate } from './gate.ts';
import type { Line } from './unary.ts';

export interface RoadOptions {
  readonly clock: Clock;
  readonly credentials: ChannelCredentials;
  readonly channel: ChannelOptions;
  readonly connectTimeoutMs: number;
  readonly maxMessageBytes: number;
}

/** One way to an endpoint: a grpc-js channel with one address, and so one HTTP/2 connection. */
export interface Road extends Line {
  readonly gate: Gate;
  /** Begins nothing more; what is under way ends by itself, and then the sockets are released. */
  close(): Promise<void>;
}

/** `target` as grpc-js names it; `address` is what people are told: "host:port", whatever the target. */
export function createRoad(target: string, address: string, options: RoadOptions): Road {
  const channel = new Channel(target, options.credentials, options.channel);
  let underWay = 0;
  let closing: PromiseWithResolvers<void> | undefined;

  function release({ resolve }: PromiseWithResolvers<void>): void {
    // Would cut off what is under way; that is why calls are counted.
    channel.close();
    resolve();
  }

  return {
    channel,
    address,
    clock: options.clock,
    maxMessageBytes: options.maxMessageBytes,
    gate: createGate(channel, options),
    enter() {
      underWay++;
    },
    leave() {
      underWay--;
      if (closing !== undefined && underWay === 0) release(closing);
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
