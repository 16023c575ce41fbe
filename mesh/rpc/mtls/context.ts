import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { Credentials } from '../../identity/leaf.ts';

/** What both ends make of their credentials. */
export function tlsOptions({ leaf, roots }: Credentials): SecureContextOptions {
  return {
    cert: leaf.certificates,
    key: leaf.key,
    ca: [...roots],
    minVersion: 'TLSv1.2',
    // A session that is taken up again is not verified again: a root that was dropped would live on in it.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}
