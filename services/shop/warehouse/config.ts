import { readSettings, type Settings, z } from '#mesh';

export interface WarehouseSettings extends Settings {
  /** How long a pick stays with a terminal of which nothing is heard, in ms. */
  readonly pickLeaseMs: number;
  /** How often a terminal with free hands looks for what other instances opened, in ms. */
  readonly pickPollMs: number;
}

/** The only reader of the environment. */
export function config(): WarehouseSettings {
  const { PICK_LEASE_MS, PICK_POLL_MS, ...settings } = readSettings(process.env, {
    PICK_LEASE_MS: z.coerce.number().int().min(300).max(600_000).default(10_000),
    PICK_POLL_MS: z.coerce.number().int().min(50).max(60_000).default(500),
  });
  return { ...settings, pickLeaseMs: PICK_LEASE_MS, pickPollMs: PICK_POLL_MS };
}
