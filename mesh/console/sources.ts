import type { Resolver } from '../discovery/resolver.ts';
import type { ChannelBacklog } from '../events/bus/backlog.ts';
import type { Transport } from '../rpc/transport.ts';

/** Where the console gets its picture from; whoever starts it says how. All that throws is shown as it last was. */
export interface ConsoleSources {
  /** The names of all services; throws while nobody can be asked. */
  services(): Promise<readonly string[]>;
  /** The instances of these services as Consul knows them, also those whose checks fail. */
  instances(services: readonly string[]): Promise<readonly InstanceFacts[]>;
  readonly resolver: Resolver;
  /** How instances are called. Default: by lane, without TLS. */
  readonly transport?: Transport;
  /** What waits at the broker. Default: nobody tells. */
  readonly channels?: (() => Promise<readonly ChannelBacklog[]>) | undefined;
  /** The processes of the mesh, where a supervisor keeps them; undefined where none does. */
  readonly processes?: (() => Promise<readonly ProcessFacts[] | undefined>) | undefined;
}

/** An instance as Consul tells of it. */
export interface InstanceFacts {
  readonly id: string;
  readonly service: string;
  /** "host:port". */
  readonly address: string;
  readonly health: 'passing' | 'warning' | 'critical';
  /** Empty when it says none. */
  readonly version: string;
}

/** A process as its supervisor tells of it. */
export interface ProcessFacts {
  /** "orders-1". */
  readonly instanceId: string;
  readonly service: string;
  /** "stopped", "starting", "ready", "waiting" (to be started again after a crash) or "stopping". */
  readonly state: string;
  readonly restarts: number;
  /** How its last run ended, as "SIGKILL". */
  readonly lastExit?: string;
  /** Wall time, in ms since the epoch. */
  readonly startedAtMs?: number;
}
