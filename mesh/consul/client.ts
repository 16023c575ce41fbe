import { type Clock, systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { type AgentCalls, agentCalls } from './agent.ts';
import { type ConfigEntryCalls, configEntryCalls } from './config-entries.ts';
import { type ConnectCalls, connectCalls } from './connect.ts';
import { createExchange } from './exchange.ts';
import { type HealthCalls, healthCalls } from './health.ts';
import { type SessionCalls, sessionCalls } from './sessions.ts';
import { type ValueCalls, valueCalls } from './values.ts';

export interface ConsulOptions {
  /** Where an agent answers, as "http://127.0.0.1:8500". */
  readonly address: string;
  /** The ACL token of every request. Default: none. */
  readonly token?: string;
  /** Default: the agent's own. */
  readonly datacenter?: string;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/**
 * Consul's HTTP API as the rooms of weft use it, typed.
 *
 * Every request ends: by its answer, its timeout or its signal. All errors are MeshErrors: UNAVAILABLE with
 * reason CONSUL_UNAVAILABLE when the agent is away or cannot answer now, PERMISSION_DENIED when the token
 * is not enough, NOT_FOUND, INVALID_ARGUMENT for what Consul refuses. A name that is not one is
 * INVALID_ARGUMENT too, and then nothing leaves the process.
 */
export interface Consul
  extends AgentCalls,
    HealthCalls,
    ValueCalls,
    SessionCalls,
    ConfigEntryCalls,
    ConnectCalls {
  /** As it was given. */
  readonly address: string;
  /** Closes the connections; requests under way fail. */
  close(): void;
}

/** The client of one agent; connects with the first request. INVALID_ARGUMENT for an unusable address. */
export function createConsul(options: ConsulOptions): Consul {
  const { clock = systemClock } = options;
  const address = parseAddress(options.address);
  const { send, close } = createExchange({ ...options, address, clock });
  return {
    address: options.address,
    ...agentCalls(send),
    ...healthCalls(send),
    ...valueCalls(send),
    ...sessionCalls(send),
    ...configEntryCalls(send),
    ...connectCalls(send),
    close,
  };
}

function parseAddress(address: string): URL {
  const url = URL.parse(address);
  const usable = url !== null && /^https?:$/.test(url.protocol) && url.pathname === '/';
  if (usable) return url;
  throw new MeshError(
    `${JSON.stringify(address)} is not the address of a Consul agent: use "http://host:port"`,
    { status: 'INVALID_ARGUMENT', reason: 'INVALID_ADDRESS' },
  );
}
