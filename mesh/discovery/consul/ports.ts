import type { Consul } from '../../consul/client.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Random } from '../../kernel/random.ts';

/** What all parts of discovery through Consul work with. */
export interface Ports {
  readonly consul: Consul;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}
