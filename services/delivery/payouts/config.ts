import { readSettings, type Settings, z } from '#mesh';

export interface PayoutsSettings extends Settings {
  /** Where performance is known from: incentives is asked for each answer ("sync"), or a copy is kept by events. */
  readonly flow: 'sync' | 'events';
}

/** The only reader of the environment. */
export function config(): PayoutsSettings {
  const { DELIVERY_FLOW, ...settings } = readSettings(process.env, {
    DELIVERY_FLOW: z.enum(['sync', 'events']).default('events'),
  });
  return { ...settings, flow: DELIVERY_FLOW };
}
