import { AServiceDefinition } from '#gen/chain/a/v1/a.ts';
import { BServiceDefinition } from '#gen/chain/b/v1/b.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import { createRecoverer, type Recovery } from './recovery.ts';
import { aService } from './service.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function aParts(
  tools: Pick<AppTools<unknown>, 'client'>,
  { recovery, instance }: { readonly recovery: Recovery; readonly instance: string },
): ServiceParts<unknown> {
  const b = tools.client(BServiceDefinition);
  const recoverer = createRecoverer(recovery);
  return { services: [implement(AServiceDefinition, aService({ b, recoverer, instance }))] };
}
