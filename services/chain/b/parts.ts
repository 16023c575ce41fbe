import { BServiceDefinition } from '#gen/chain/b/v1/b.ts';
import { CServiceDefinition } from '#gen/chain/c/v1/c.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import { bService } from './service.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function bParts(
  tools: Pick<AppTools<unknown>, 'client'>,
  { instance }: { readonly instance: string },
): ServiceParts<unknown> {
  const c = tools.client(CServiceDefinition);
  return { services: [implement(BServiceDefinition, bService({ c, instance }))] };
}
