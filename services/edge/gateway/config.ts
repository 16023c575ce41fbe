import { readSettings, type Settings, z } from '#mesh';
import type { EdgeOptions, TokenOptions } from '#mesh/edge';

export interface GatewaySettings extends Settings {
  /** What of the edge comes from outside: where it listens, whom it believes, how much it bears. */
  readonly edge: Pick<EdgeOptions, 'port' | 'tls' | 'tokens' | 'origins' | 'rate'>;
}

const file = z.string().min(1).optional();

const own = {
  /** 0 = any free port. */
  EDGE_PORT: z.coerce.number().int().min(0).max(65535).default(0),
  /** Certificate chain and key in PEM; both or neither. Without them HTTP/1.1 in the clear. */
  EDGE_CERT: file,
  EDGE_KEY: file,
  /** Keys of tokens: a JSON Web Key Set, or a shared secret of 32 bytes or more. Without both nobody is asked. */
  EDGE_JWKS: file,
  EDGE_JWT_SECRET: file,
  EDGE_ISSUER: z.string().default('https://issuer.weft.test'),
  EDGE_AUDIENCE: z.string().default('weft'),
  /** Whether callers without a token are let in where tokens are known. */
  EDGE_ANONYMOUS: z.enum(['0', '1']).default('0'),
  /** Pages that may ask, separated by commas; "*" for all. */
  EDGE_ORIGINS: z.string().default(''),
  /** Requests a second for each user; 0 = nobody counts. */
  EDGE_RATE: z.coerce.number().min(0).default(0),
};

type Own = z.output<z.ZodObject<typeof own>>;

/** The only reader of the environment. */
export function config(): GatewaySettings {
  const settings = readSettings(process.env, own);
  const {
    EDGE_PORT: port,
    EDGE_CERT: certFile,
    EDGE_KEY: keyFile,
    EDGE_RATE: perSecond,
  } = settings;
  const tokens = tokensOf(settings);
  const origins = settings.EDGE_ORIGINS.split(',').map((origin) => origin.trim());
  const edge = {
    ...{ port, origins: origins.filter((origin) => origin !== '') },
    ...(certFile !== undefined && keyFile !== undefined && { tls: { certFile, keyFile } }),
    ...(tokens && { tokens }),
    ...(perSecond > 0 && { rate: { perSecond } }),
  };
  return { ...settings, edge };
}

function tokensOf(settings: Own): TokenOptions | undefined {
  const { EDGE_JWKS: jwksFile, EDGE_JWT_SECRET: secret } = settings;
  const { EDGE_ISSUER: issuer, EDGE_AUDIENCE: audience } = settings;
  const anonymous = settings.EDGE_ANONYMOUS === '1';
  if (jwksFile !== undefined) return { issuer, audience, anonymous, keys: { jwksFile } };
  return secret === undefined ? undefined : { issuer, audience, anonymous, keys: { secret } };
}
