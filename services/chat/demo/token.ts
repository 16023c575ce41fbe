import { createHmac } from 'node:crypto';
import { systemClock } from '#mesh';

/** A token as the issuer of the chat gives it to a user who has signed in: good for an hour. */
export function tokenOf(userId: string, secret: string): string {
  const exp = Math.floor(systemClock.now() / 1000) + 3600;
  const claims = { sub: userId, iss: 'weft-chat', aud: 'chat', exp };
  const signed = [{ alg: 'HS256', typ: 'JWT' }, claims].map(part).join('.');
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
