import { MeshError } from './error.ts';

const serviceName = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const token = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Checks a service name before it becomes part of a path: a DNS label. Consul itself accepts any name and
 * decodes "%2F" inside one, so a hostile name could reach another endpoint of its API.
 */
export function checkServiceName(name: string): string {
  if (isServiceName(name)) return name;
  throw new MeshError(
    `${JSON.stringify(name.slice(0, 80))} is not a service name: use 1 to 63 lower-case letters, digits and '-', as "orders"`,
    { status: 'INVALID_ARGUMENT', reason: 'INVALID_SERVICE_NAME' },
  );
}

/** Whether a name may be one of a service. */
export function isServiceName(name: string): boolean {
  return serviceName.test(name);
}

/**
 * Checks one token of a NATS subject, stream or consumer name. NATS takes "a.>" for a literal subject and
 * loses "a..b" without an error, so tokens are checked here and joined only by weft.
 */
export function checkToken(value: string, what: string): string {
  if (isToken(value)) return value;
  throw new MeshError(
    `${JSON.stringify(value.slice(0, 80))} cannot be ${what}: use 1 to 64 letters, digits, '_' and '-'`,
    { status: 'INVALID_ARGUMENT', reason: 'INVALID_TOKEN' },
  );
}

/** Whether a value may be one token of a NATS subject as it is. */
export function isToken(value: string): boolean {
  return token.test(value);
}
