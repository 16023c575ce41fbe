import { readSettings, type Settings, z } from '#mesh';

export interface IncentivesSettings extends Settings {
  /** How payouts learns of bonuses: called for each ("sync"), or told by events. */
  readonly flow: 'sync' | 'events';
  /** sync: the pause between two tries to get rid of the batch, in ms. */
  readonly batchEveryMs: number;
}

/** The only reader of the environment. */
export function config(): IncentivesSettings {
  const { DELIVERY_FLOW, BATCH_EVERY_MS, ...settings } = readSettings(process.env, {
    DELIVERY_FLOW: z.enum(['sync', 'events']).default('events'),
    BATCH_EVERY_MS: z.coerce.number().int().min(50).max(3_600_000).default(1000),
  });
  return { ...settings, flow: DELIVERY_FLOW, batchEveryMs: BATCH_EVERY_MS };
}
