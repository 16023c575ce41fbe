import { createHmac } from 'node:crypto';
import type { TokenOptions } from '../edge/authenticate.ts';

const secret = 'a secret of at least thirty-two bytes';

/** Whose tokens an edge under test believes. */
export const testTokens: TokenOptions = {
  issuer: 'https://issuer.test',
  audience: 'weft',
  keys: { secret },
};

/** A token of a user, good for a minute: RFC 7515 by hand, for jose belongs to the edge alone. */
export function tokenFor(
  user: string,
  claims: Readonly<Record<string, unknown>> = {},
  { issuer, audience }: TokenOptions = testTokens,
): string {
  const exp = Math.floor(Date.now() / 1000) + 60;
  const payload = { sub: user, iss: issuer, aud: audience, exp, ...claims };
  const signed = [{ alg: 'HS256', typ: 'JWT' }, payload].map(base64url).join('.');
  const signature = createHmac('sha256', secret).update(signed).digest('base64url');
  return `${signed}.${signature}`;
}

function base64url(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
