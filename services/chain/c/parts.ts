import { CServiceDefinition } from '#gen/chain/c/v1/c.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import type { CSettings } from './config.ts';
import { createExternal } from './external.ts';
import { cService } from './service.ts';

export interface CPartsOptions
  extends Pick<CSettings, 'behavior' | 'externalMs' | 'externalConnections'> {
  /** Whom callers see in `via`. */
  readonly instance: string;
  /** What BEHAVIOR_CRASH does: main.ts ends the process, tests do not. */
  readonly crash: () => void;
}

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function cParts(
  { clock, log }: Pick<AppTools<unknown>, 'clock' | 'log'>,
  options: CPartsOptions,
): ServiceParts<unknown> {
  const { behavior, externalMs, externalConnections, instance, crash } = options;
  const external = createExternal({
    clock,
    behavior,
    crash,
    usualMs: externalMs,
    connections: externalConnections,
  });
  return { services: [implement(CServiceDefinition, cService({ external, instance, log }))] };
}
