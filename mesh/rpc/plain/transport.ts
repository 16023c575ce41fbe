import type { ChannelOptions } from '@grpc/grpc-js';
import type { Identity } from '../../identity/identity.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import type { Endpoint } from '../../kernel/endpoint.ts';
import { channelSecurity } from '../mtls/channel.ts';
import type { Transport } from '../transport.ts';
import { windowBytes } from '../window.ts';
import { createConnection, type PlainConnection } from './connection.ts';

export interface PlainTransportOptions {
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Longest wait of one attempt for a connection, in ms. Default 1000: a SYN that was lost is sent again after that. */
  readonly connectTimeoutMs?: number;
  /** Largest message either way, in bytes. Default 1 MiB. */
  readonly maxMessageBytes?: number;
  /** Silence after which the connection is tried with a ping, in ms. Default 20_000. */
  readonly keepaliveMs?: number;
  /** Wait for the ping's answer before the connection is given up, in ms. Default 5000. */
  readonly keepaliveTimeoutMs?: number;
  /** False: never by the Unix socket of an endpoint on the same host. Default true. */
  readonly unix?: boolean;
  /** Who this process is: all connections are then mutual TLS, by either road. Default: no TLS. */
  readonly identity?: Identity | undefined;
}

/** The plain transport, as a lane needs it. */
export interface PlainTransport extends Transport {
  /** The largest message either way, in bytes. */
  readonly maxMessageBytes: number;
  /** `own`: a connection that is shared with no other channel to the same address, as grpc-js would do it. */
  open(endpoint: Endpoint, how?: { readonly own?: boolean }): PlainConnection;
}

/** Calls as plain gRPC over HTTP/2, which every gRPC server understands: one grpc-js channel an endpoint. */
export function createPlainTransport(options: PlainTransportOptions = {}): PlainTransport {
  const { clock = systemClock, connectTimeoutMs = 1000, maxMessageBytes = 1024 * 1024 } = options;
  const { keepaliveMs = 20_000, keepaliveTimeoutMs = 5000, unix = true } = options;
  const channel: ChannelOptions = {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    // Otherwise a peer that lost power is noticed only by the deadline of each call.
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    // An endpoint that comes back is found within two seconds; balancing keeps calls away meanwhile.
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2000,
    // The name of a service config in DNS is nothing a mesh looks for; it would be a query a connection.
    'grpc.service_config_disable_resolution': 1,
    'grpc-node.flow_control_window': windowBytes,
    // Nobody serves channelz here, and its books are kept for every call.
    'grpc.enable_channelz': 0,
    // What a GOAWAY refuses, grpc-js would repeat by itself, but on the same address: at a server that
    // drains and still listens that is a new connection just before the end, and calls were lost with it
    // (in 2 of 10 rolling restarts, in none without). The refusal is passed up as UnreachedError instead,
    // and the call goes to another endpoint. For a client without retries of its own this would be wrong.
    'grpc.enable_retries': 0,
  };
  const security = channelSecurity(options.identity);
  const connection = { clock, channel, connectTimeoutMs, maxMessageBytes, unix, security };
  const own = { ...connection, channel: { ...channel, 'grpc.use_local_subchannel_pool': 1 } };
  return {
    maxMessageBytes,
    open: (endpoint, how) => createConnection(endpoint, how?.own === true ? own : connection),
  };
}
