import { readSettings, type Settings, z } from '#mesh';
import type { Recovery } from './recovery.ts';

export interface ASettings extends Settings {
  /** What A answers while the chain is broken. */
  readonly recovery: Recovery;
}

/** The only reader of the environment. */
export function config(): ASettings {
  const { RECOVERY, ...settings } = readSettings(process.env, {
    RECOVERY: z.enum(['error', 'default', 'last']).default('error'),
  });
  return { ...settings, recovery: RECOVERY };
}
