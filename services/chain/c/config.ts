import { readSettings, type Settings, z } from '#mesh';
import type { Behavior } from './external.ts';

export interface CSettings extends Settings {
  /** How C is at its start. */
  readonly behavior: Behavior;
  /** How long the external resource takes when all is well, in ms. */
  readonly externalMs: number;
  /** Connections to the external resource. */
  readonly externalConnections: number;
}

/** The only reader of the environment. */
export function config(): CSettings {
  const { BEHAVIOR, DELAY_MS, EXTERNAL_MS, EXTERNAL_CONNECTIONS, ...settings } = readSettings(
    process.env,
    {
      BEHAVIOR: z.enum(['well', 'slow', 'hang', 'crash']).default('well'),
      DELAY_MS: z.coerce.number().int().min(0).max(60_000).default(1000),
      EXTERNAL_MS: z.coerce.number().int().min(0).max(60_000).default(10),
      EXTERNAL_CONNECTIONS: z.coerce.number().int().min(1).max(1000).default(10),
    },
  );
  return {
    ...settings,
    behavior: BEHAVIOR === 'slow' ? { name: BEHAVIOR, delayMs: DELAY_MS } : { name: BEHAVIOR },
    externalMs: EXTERNAL_MS,
    externalConnections: EXTERNAL_CONNECTIONS,
  };
}
