import { readSettings, type Settings, z } from '#mesh';

export interface WaiterSettings extends Settings {
  /** How long a guest waits for a dish, in ms. */
  readonly dishMs: number;
  /** How long offers to bring a dish are waited for, in ms. */
  readonly offersMs: number;
}

const ms = z.coerce.number().int().min(50).max(3_600_000);

/** The only reader of the environment. */
export function config(): WaiterSettings {
  const { DISH_MS, OFFERS_MS, ...settings } = readSettings(process.env, {
    DISH_MS: ms.default(60_000),
    OFFERS_MS: ms.default(3_000),
  });
  return { ...settings, dishMs: DISH_MS, offersMs: OFFERS_MS };
}
