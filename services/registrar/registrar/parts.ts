import { RegistrarServiceDefinition } from '#gen/registrar/registrar/v1/registrar.ts';
import {
  type AppTools,
  createConsul,
  createConsulDiscovery,
  implement,
  type ServiceParts,
} from '#mesh';
import type { RegistrarSettings } from './config.ts';
import { registrarService } from './service.ts';
import { createWatching } from './watching.ts';

/** What the service consists of. Registrations are left where they are when it ends: those who live stay found. */
export function registrarParts(
  { log, clock, random, every }: AppTools<never>,
  { consul: address, watched, probeMs }: RegistrarSettings,
): ServiceParts<never> {
  const consul = createConsul({ address });
  const { registry } = createConsulDiscovery({ consul, clock, random, log });
  const watching = createWatching(watched, { registry, log });
  every(probeMs, 'looking at what is watched', () => watching.look());
  return { services: [implement(RegistrarServiceDefinition, registrarService(watching))] };
}
