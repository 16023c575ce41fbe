import type { Consul } from '../consul/client.ts';
import { openConsulIntentions } from '../identity/consul/intentions.ts';
import { openConsulIdentity } from '../identity/consul.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import type { Log } from '../kernel/log.ts';
import type { Random } from '../kernel/random.ts';
import type { RefusedCaller } from '../rpc/mtls/authorize.ts';
import type { ServerOptions } from '../rpc/server/options.ts';
import { createRefusalCount, observeIdentity } from '../telemetry/identity-metrics.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { AppOptions, Security } from './options.ts';

export interface SecurityPorts {
  readonly consul: Consul;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly telemetry: Pick<Telemetry, 'registry'>;
  /** Receives whatever is opened, in order. */
  readonly opened: Closeable[];
}

/** What the parts of an app are given of it; empty without an identity, and then nothing is opened or shown. */
export type SecurityParts = Pick<ServerOptions, 'identity' | 'intentions' | 'onRefused'>;

/** Opens the security that an app is started with; one that was given is its owner's to close. */
export async function openSecurity(
  { name, settings, identity: given }: Pick<AppOptions<never>, 'name' | 'settings' | 'identity'>,
  ports: SecurityPorts,
): Promise<SecurityParts> {
  if (given === undefined && settings.identity === 'off') return {};
  const { identity, intentions } = given ?? (await fromConsul(name, ports));
  const { log } = ports;
  const { registry } = ports.telemetry;
  observeIdentity(registry, {
    expiryMs: () => identity.credentials.leaf.notAfterMs,
    get rotations() {
      return identity.rotations;
    },
  });
  const isFirst = createRefusalCount(registry);
  const onRefused = ({ method = '', caller = '', reason, uri, error }: RefusedCaller): void => {
    // One line for each kind: whoever is refused tries again, and the metric counts on.
    if (!isFirst(method, caller, reason)) return;
    log.warn('caller refused', { method, caller: uri ?? 'unknown', why: error.rawMessage });
  };
  return { identity, intentions, onRefused };
}

async function fromConsul(service: string, ports: SecurityPorts): Promise<Required<Security>> {
  const { opened } = ports;
  const identity = await openConsulIdentity({ ...ports, service });
  opened.push(identity);
  const intentions = await openConsulIntentions({ ...ports, own: identity.credentials.leaf.id });
  opened.push(intentions);
  return { identity, intentions };
}
