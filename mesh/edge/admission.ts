import type { Arrived } from './arrive.ts';
import type { Authenticate } from './authenticate.ts';
import type { Principal } from './edge-request.ts';
import type { AllowsOrigin } from './origins.ts';
import { checkOrigin } from './origins.ts';
import type { RateLimit, RateState } from './rate-limit.ts';

/** Whether a request may come in, asked in the order of its price. */
export interface Admission {
  /** Throws the error that the caller is to see. */
  admit(request: Arrived, token: string | undefined): Promise<Admitted>;
}

export interface Admitted {
  readonly principal: Principal | undefined;
  /** What its user may still do; undefined where nobody counts. */
  readonly rate: RateState | undefined;
}

export interface AdmissionOptions {
  readonly allowsOrigin: AllowsOrigin;
  readonly authenticate: Authenticate;
  readonly rateLimit: RateLimit | undefined;
}

export function createAdmission(options: AdmissionOptions): Admission {
  const { allowsOrigin, authenticate, rateLimit } = options;
  return {
    async admit(request, token) {
      checkOrigin(allowsOrigin, request.headers);
      const principal = await authenticate(token);
      // Who is not known is counted by address: a house behind one address shares what it may do.
      const user = principal?.subject ?? `address ${addressOf(request.peer)}`;
      return { principal, rate: rateLimit?.take(user) };
    },
  };
}

function addressOf(peer: string): string {
  return peer.slice(0, peer.lastIndexOf(':'));
}
