/** Where instances are, by the SRV records of Consul's DNS. https://developer.hashicorp.com/consul/docs/discover/dns */
import { Resolver as Dns } from 'node:dns/promises';
import { type Clock, type Endpoint, type Resolver, systemClock } from '#mesh';

export interface DnsResolverOptions {
  /** "host:port". */
  readonly server: string;
  /** From one question to the next, in ms: DNS tells no news by itself. */
  readonly everyMs: number;
  readonly clock?: Clock;
}

/** As weft's resolver, an outage of DNS leaves the last endpoints, marked stale. */
export function createDnsResolver(options: DnsResolverOptions): Resolver {
  const { server, everyMs, clock = systemClock } = options;
  const dns = new Dns({ timeout: 1_000, tries: 2 });
  dns.setServers([server]);
  return {
    watch(service, listener) {
      const ending = new AbortController();
      const { signal } = ending;
      const over = (): boolean => signal.aborted;
      let told = '';
      let endpoints: readonly Endpoint[] = [];
      const tell = (found: readonly Endpoint[], stale: boolean): void => {
        const text = JSON.stringify([found, stale]);
        endpoints = found;
        if (text !== told && !over()) listener({ service, endpoints, stale });
        told = text;
      };
      const run = async (): Promise<void> => {
        while (!over()) {
          await lookUp(dns, service).then(
            (found) => {
              tell(found, false);
            },
            () => {
              tell(endpoints, true);
            },
          );
          await clock.sleep(everyMs, signal).catch(() => undefined);
        }
      };
      void run();
      return {
        close: () => {
          ending.abort();
        },
      };
    },
  };
}

async function lookUp(dns: Dns, service: string): Promise<readonly Endpoint[]> {
  const records = await dns.resolveSrv(`${service}.service.consul`).catch(noneIfUnknown);
  const found = await Promise.all(
    records.map(async ({ name, port }) => {
      const [host = name] = await dns.resolve4(name);
      const instanceId = `${service}-${String(port)}`;
      return { instanceId, service, host, port, metadata: {} };
    }),
  );
  return found.sort((a, b) => (a.instanceId < b.instanceId ? -1 : 1));
}

/** Consul says that a name does not exist when none of its instances passes. */
function noneIfUnknown(thrown: unknown): never[] {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
  throw thrown;
}
