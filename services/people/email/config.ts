import { readSettings, type Settings, z } from '#mesh';

export interface EmailSettings extends Settings {
  /** The HTTP address of the provider. */
  readonly provider: string;
  /** The pause between two looks for e-mails to send, in ms. */
  readonly sendEveryMs: number;
}

/** The only reader of the environment. */
export function config(): EmailSettings {
  const { PROVIDER, SEND_EVERY_MS, ...settings } = readSettings(process.env, {
    PROVIDER: z.url({ protocol: /^https?$/ }).default('http://127.0.0.1:7165'),
    SEND_EVERY_MS: z.coerce.number().int().min(20).max(60_000).default(200),
  });
  return { ...settings, provider: PROVIDER, sendEveryMs: SEND_EVERY_MS };
}
