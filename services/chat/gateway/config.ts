import { readSettings, type Settings, z } from '#mesh';

export interface GatewaySettings extends Settings {
  /** Where clients connect; 0 = any free port. */
  readonly edgePort: number;
  /** The secret with which tokens are signed (HS256), at least 32 bytes. */
  readonly tokenSecret: string;
  /** Pages that may connect, as "https://chat.example". */
  readonly origins: readonly string[];
  /** How often presence is told who is here, in ms. */
  readonly reportEveryMs: number;
}

/** The only reader of the environment. */
export function config(): GatewaySettings {
  const { EDGE_PORT, TOKEN_SECRET, ORIGINS, REPORT_EVERY_MS, ...settings } = readSettings(
    process.env,
    {
      EDGE_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
      TOKEN_SECRET: z.string().min(32),
      ORIGINS: z.string().default(''),
      REPORT_EVERY_MS: z.coerce.number().int().min(50).max(10_000).default(1000),
    },
  );
  return {
    ...settings,
    ...{ edgePort: EDGE_PORT, tokenSecret: TOKEN_SECRET, reportEveryMs: REPORT_EVERY_MS },
    origins: ORIGINS.split(',').filter((origin) => origin !== ''),
  };
}
