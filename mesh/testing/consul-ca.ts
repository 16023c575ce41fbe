import { generateKeyPairSync } from 'node:crypto';

/** What an operator does to Consul's CA and intentions, by its HTTP API as 1.8 and newer ones know it. */
export interface ConsulSecurity {
  /** Another root; those who hold certificates of the old one get new ones. */
  changeRoot(): Promise<void>;
  /** Says whether `source` may call `destination`, whatever was said before. */
  intend(source: string, destination: string, action: 'allow' | 'deny'): Promise<void>;
  /** Nothing is said of the two any more. */
  forget(source: string, destination: string): Promise<void>;
}

/** Configuration of an agent whose services get certificates of another root at once, not within 30 s. */
export const promptCa = 'connect { enabled = true, test_ca_leaf_root_change_spread = "1ms" }';

export function consulSecurity(address: string): ConsulSecurity {
  const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(`${address}/v1${path}`, {
      method,
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${String(response.status)} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  const find = async (source: string, destination: string): Promise<string | undefined> => {
    const all = (await ask('GET', '/connect/intentions')) as
      | { ID: string; SourceName: string; DestinationName: string }[]
      | null;
    return all?.find((each) => each.SourceName === source && each.DestinationName === destination)
      ?.ID;
  };
  const forget = async (source: string, destination: string): Promise<void> => {
    const id = await find(source, destination);
    if (id !== undefined) await ask('DELETE', `/connect/intentions/${id}`);
  };
  return {
    async changeRoot() {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const key = privateKey.export({ type: 'sec1', format: 'pem' }).toString();
      const Config = { LeafCertTTL: '72h', PrivateKey: key, RotationPeriod: '2160h' };
      await ask('PUT', '/connect/ca/configuration', { Provider: 'consul', Config });
    },
    async intend(source, destination, action) {
      await forget(source, destination);
      await ask('POST', '/connect/intentions', {
        ...{ SourceName: source, DestinationName: destination },
        ...{ SourceType: 'consul', Action: action },
      });
    },
    forget,
  };
}
