import { createHmac } from 'node:crypto';
import type { TokenOptions } from '../edge/authenticate.ts';

/** What tokens of a test are signed with. */
export const testSecret = 'a secret of at least thirty-two bytes';

/** Whose tokens an edge under test believes. */
export const testTokens: TokenOptions = {
  issuer: 'https://issuer.test',
  audience: 'weft',
  keys: { secret: testSecret },
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
  const signature = createHmac('sha256', testSecret).update(signed).digest('base64url');
  return `${signed}.${signature}`;
}

function base64url(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

/** An answer in JSON. */
export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly json: unknown;
  /** What stands at a place of the JSON, as "details.0.reason". */
  at(path: string): unknown;
}

export type Asking = RequestInit & { readonly json?: unknown };

/** Asks an edge, with JSON if there is any. */
export async function askEdge(url: string, { json: sent, ...init }: Asking = {}): Promise<Told> {
  const body = sent === undefined ? {} : { body: JSON.stringify(sent) };
  const headers = new Headers(init.headers);
  if (sent !== undefined) headers.set('content-type', 'application/json');
  const answer = await fetch(url, { ...init, ...body, headers });
  const text = await answer.text();
  const json: unknown = text === '' ? undefined : JSON.parse(text);
  return {
    status: answer.status,
    headers: answer.headers,
    json,
    at: (path) => valueAt(json, path),
  };
}

/** The fields that a refusal names. */
export function fieldsOf(told: Told): unknown[] {
  const violations = told.at('details.0.fieldViolations');
  return Array.isArray(violations) ? violations.map((one) => valueAt(one, 'field')) : [];
}

function valueAt(json: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (at, key) => (at === null || at === undefined ? undefined : Reflect.get(Object(at), key)),
      json,
    );
}
