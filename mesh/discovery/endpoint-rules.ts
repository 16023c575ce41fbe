import { BlockList, isIP } from 'node:net';
import type { Endpoint } from '../kernel/endpoint.ts';
import { MeshError } from '../kernel/error.ts';
import { checkServiceName, checkToken } from '../kernel/names.ts';

/*
 * Whoever may write to the registry chooses where this process connects to. What no service can be is
 * refused, on both sides: when an instance registers, and when another is read.
 */

const nobody = new BlockList();
// "This host" (RFC 1122), link-local with the metadata service of most clouds (RFC 3927), multicast,
// reserved and broadcast. IPv4 rules hold for mapped addresses (::ffff:169.254.169.254) too.
nobody.addSubnet('0.0.0.0', 8);
nobody.addSubnet('169.254.0.0', 16);
nobody.addSubnet('224.0.0.0', 3);
nobody.addAddress('::', 'ipv6');
nobody.addSubnet('fe80::', 10, 'ipv6');
nobody.addSubnet('ff00::', 8, 'ipv6');
// The metadata service of AWS over IPv6.
nobody.addAddress('fd00:ec2::254', 'ipv6');

/** Says why nobody should connect to an endpoint; undefined if it is fit. */
export function endpointFault(endpoint: Omit<Endpoint, 'service'>): string | undefined {
  const { instanceId, host, port, metadata } = endpoint;
  if (!/^[\x21-\x7e]{1,255}$/.test(instanceId)) return 'its id is not 1 to 255 visible characters';
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return `no port is ${port}`;
  return hostFault(host) ?? metadataFault(metadata);
}

/** Throws INVALID_ARGUMENT for an endpoint that cannot be registered. */
export function checkEndpoint(endpoint: Endpoint): void {
  checkServiceName(endpoint.service);
  checkToken(endpoint.instanceId, 'an instance id');
  const fault = endpointFault(endpoint);
  if (fault === undefined) return;
  throw new MeshError(`${endpoint.instanceId} cannot be registered: ${fault}`, {
    status: 'INVALID_ARGUMENT',
    reason: 'INVALID_ENDPOINT',
  });
}

function hostFault(host: string): string | undefined {
  const version = isIP(host);
  if (version === 0) return isHostName(host) ? undefined : 'its host is not a host name';
  const refused = nobody.check(host, version === 6 ? 'ipv6' : 'ipv4');
  return refused ? `no service is reached at ${host}` : undefined;
}

/**
 * A name that an URL leaves as it is. The URL parser drops CR and LF, decodes escapes, and reads "2852039166"
 * and "0xa9fe.0xa9fe" as the address that a resolver takes them for; each such host comes out changed.
 */
function isHostName(host: string): boolean {
  if (host.length > 253 || !/^[A-Za-z0-9_]/.test(host)) return false;
  return URL.parse(`http://${host}/`)?.host === host.toLowerCase();
}

/** Consul's own bounds (its structs.ValidateMetadata), so that both registries take the same. */
function metadataFault(metadata: Endpoint['metadata']): string | undefined {
  const entries = Object.entries(metadata);
  if (entries.length > 64) return 'it has more than 64 entries of metadata';
  for (const [key, value] of entries) {
    const fit = /^[A-Za-z0-9_-]{1,128}$/.test(key) && value.length <= 512;
    if (!fit) {
      return `its metadata ${JSON.stringify(key.slice(0, 40))} is not up to 128 letters, digits, '_' and '-' with a value of up to 512 characters`;
    }
  }
  return undefined;
}
