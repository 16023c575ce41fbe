import { readFileSync, statSync } from 'node:fs';
import {
  createLocalJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import type { Clock } from '../kernel/clock.ts';
import { describe, MeshError } from '../kernel/error.ts';
import type { Principal } from './edge-request.ts';

/** Which tokens are believed (RFC 7519, RFC 8725). */
export interface TokenOptions {
  /** Claim "iss" must be this. */
  readonly issuer: string;
  /** Claim "aud" must hold this. */
  readonly audience: string;
  /**
   * How signatures are checked: a shared secret (HS256, at least 32 bytes), or a file with a JSON Web Key Set
   * (RS256, ES256), read again when it changes, so that keys are rotated without a restart.
   */
  readonly keys: { readonly secret: string } | { readonly jwksFile: string };
  /** How far the clocks of issuer and edge may differ, in s. Default 5. */
  readonly clockToleranceS?: number;
  /** Whether callers without a token are let in, without a principal. A bad token never is. Default false. */
  readonly anonymous?: boolean;
}

/** Finds out who sends a token; undefined stands for "sends none". Throws UNAUTHENTICATED. */
export type Authenticate = (token: string | undefined) => Promise<Principal | undefined>;

/** RFC 7518, 3.2: a key of the hash's size or larger. */
const leastSecretBytes = 32;

/** Checks tokens. Throws INVALID_ARGUMENT for keys that cannot be used. */
export function createAuthenticate(options: TokenOptions | undefined, clock: Clock): Authenticate {
  if (options === undefined) return () => Promise.resolve(undefined);
  const { issuer, audience, anonymous = false, clockToleranceS = 5 } = options;
  const { key, algorithms } = keysOf(options);
  return async (token) => {
    if (token === undefined) {
      if (anonymous) return undefined;
      throw unauthenticated('TOKEN_MISSING', 'send a token: "Authorization: Bearer <JWT>"');
    }
    if (token === '') {
      throw unauthenticated('TOKEN_INVALID', 'say it as "Authorization: Bearer <JWT>"');
    }
    try {
      const payload = await verified(token, (header, jws) => key()(header, jws), {
        ...{ issuer, audience, algorithms },
        clockTolerance: clockToleranceS,
        requiredClaims: ['sub', 'exp'],
        currentDate: new Date(clock.now()),
      });
      return principalOf(payload);
    } catch (thrown) {
      const code = (thrown as { code?: string }).code ?? '';
      const reason = code === 'ERR_JWT_EXPIRED' ? 'TOKEN_EXPIRED' : 'TOKEN_INVALID';
      const what = `the token is not accepted: ${describe(thrown)}; get a new one`;
      throw unauthenticated(reason, what, thrown);
    }
  };
}

/** The claims of a token. One without "kid" may be signed by any of the issuer's keys of its kind (RFC 7515, 4.1.4). */
async function verified(
  token: string,
  key: JWTVerifyGetKey,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, key, options)).payload;
  } catch (thrown) {
    if (!(thrown instanceof errors.JWKSMultipleMatchingKeys)) throw thrown;
    let last: unknown = thrown;
    for await (const each of thrown) {
      try {
        return (await jwtVerify(token, each, options)).payload;
      } catch (failed) {
        last = failed;
        if (!(failed instanceof errors.JWSSignatureVerificationFailed)) break;
      }
    }
    throw last;
  }
}

interface Keys {
  /** The keys as they are now. */
  readonly key: () => JWTVerifyGetKey;
  readonly algorithms: string[];
}

/** The algorithms follow from the kind of key: a token may not choose, or a public key passes as a secret. */
function keysOf({ keys }: TokenOptions): Keys {
  if ('secret' in keys) {
    const secret = new TextEncoder().encode(keys.secret);
    if (secret.length < leastSecretBytes) {
      throw unusable(`the secret has ${secret.length} bytes; HS256 needs ${leastSecretBytes}`);
    }
    return { key: () => () => secret, algorithms: ['HS256'] };
  }
  const { jwksFile } = keys;
  let read = readKeys(jwksFile);
  const key = (): JWTVerifyGetKey => {
    const changedMs = changedAt(jwksFile);
    if (changedMs === undefined || changedMs === read.changedMs) return read.set;
    try {
      read = readKeys(jwksFile);
    } catch {
      // A file that is away or half written is being replaced; the keys known so far stay good.
    }
    return read.set;
  };
  return { key, algorithms: ['RS256', 'ES256'] };
}

function readKeys(file: string): { set: JWTVerifyGetKey; changedMs: number | undefined } {
  try {
    const set = createLocalJWKSet(JSON.parse(readFileSync(file, 'utf8')) as JSONWebKeySet);
    return { set, changedMs: changedAt(file) };
  } catch (thrown) {
    throw unusable(`${file} holds no JSON Web Key Set: ${describe(thrown)}`, thrown);
  }
}

function changedAt(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}

function principalOf(claims: JWTPayload): Principal {
  const { sub, iss } = claims;
  // Whoever is nobody would be the same one to all who compare names.
  if (typeof sub !== 'string' || sub === '') throw new Error('claim "sub" names nobody');
  const scope = claims['scope'];
  const scopes = typeof scope === 'string' ? scope.split(' ').filter((word) => word !== '') : [];
  return { subject: sub, issuer: iss, scopes, claims };
}

function unauthenticated(reason: string, message: string, cause?: unknown): MeshError {
  return new MeshError(message, { status: 'UNAUTHENTICATED', reason, cause });
}

function unusable(message: string, cause?: unknown): MeshError {
  return new MeshError(message, { status: 'INVALID_ARGUMENT', reason: 'INVALID_KEYS', cause });
}
