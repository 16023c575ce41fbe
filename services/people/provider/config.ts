import { readSettings, type Settings, z } from '#mesh';

export interface ProviderSettings extends Settings {
  /** E-mails that are taken in a second. */
  readonly perSecond: number;
  /** E-mails that are taken in a day. */
  readonly dailyQuota: number;
  /** How long a day lasts, in ms: shorter ones let a story see the day turn. */
  readonly dayMs: number;
}

/** The only reader of the environment. */
export function config(): ProviderSettings {
  const count = z.coerce.number().int().min(1).max(1_000_000);
  const { PER_SECOND, DAILY_QUOTA, DAY_MS, ...settings } = readSettings(process.env, {
    PER_SECOND: count.default(5),
    DAILY_QUOTA: count.default(1000),
    DAY_MS: z.coerce.number().int().min(1000).max(86_400_000).default(86_400_000),
  });
  return { ...settings, perSecond: PER_SECOND, dailyQuota: DAILY_QUOTA, dayMs: DAY_MS };
}
