/** One instance of a service, as discovery knows it. */
export interface Endpoint {
  /** Unique in the mesh, as "orders-4f1c09a2". */
  readonly instanceId: string;
  /** The name under which the service is found, as "orders". */
  readonly service: string;
  /** Host name or IP address. */
  readonly host: string;
  /** 1 to 65 535. */
  readonly port: number;
  /** What the instance tells of itself: version, zone. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The metadata key of an instance that takes mutual TLS only; its value is "1". */
export const mtlsKey = 'weft-mtls';

/** "host:port", with brackets around an IPv6 address. */
export function addressOf(endpoint: Pick<Endpoint, 'host' | 'port'>): string {
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  return `${host}:${String(endpoint.port)}`;
}
