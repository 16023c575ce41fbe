import { readSettings, type Settings, z } from '#mesh';

export interface ProxySettings extends Pick<Settings, 'host' | 'port'> {
  /** Where DNS answers, "host:port". */
  readonly dnsServer: string;
  /** From one question to the next, in ms. Default 500. */
  readonly dnsEveryMs: number;
}

/** The only reader of the environment. */
export function config(): ProxySettings {
  const { DNS_SERVER, DNS_EVERY_MS, host, port } = readSettings(process.env, {
    DNS_SERVER: z.string().min(1),
    DNS_EVERY_MS: z.coerce.number().int().min(50).max(60_000).default(500),
  });
  return { host, port, dnsServer: DNS_SERVER, dnsEveryMs: DNS_EVERY_MS };
}
