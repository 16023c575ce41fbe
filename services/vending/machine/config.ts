import { readSettings, type Settings, z } from '#mesh';

/** How long the machine waits for others. */
export interface Patience {
  /** Without news of a sale, in ms; then cashier and dispenser are asked. Default 5000. */
  readonly askMs: number;
  /** For a sale to come to its end, in ms; then it is cancelled, if they agree. Default 60 000. */
  readonly giveUpMs: number;
}

export interface MachineSettings extends Settings, Patience {}

const ms = z.coerce.number().int().min(50).max(3_600_000);

/** The only reader of the environment. */
export function config(): MachineSettings {
  const { ASK_MS, GIVE_UP_MS, ...settings } = readSettings(process.env, {
    ASK_MS: ms.default(5_000),
    GIVE_UP_MS: ms.default(60_000),
  });
  return { ...settings, askMs: ASK_MS, giveUpMs: GIVE_UP_MS };
}
