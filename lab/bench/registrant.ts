/**
 * An instance that registers itself in Consul, for the sections that need one that can be killed: its first
 * argument says where and as what. It tells its parent when it is registered and ends with it.
 */
import { createConsul, createConsulDiscovery } from '#mesh';
import { weftServer } from './contenders/weft.ts';
import { createWork } from './work.ts';

/** What the parent wants registered. */
export interface Registration {
  readonly consul: string;
  /** The instance's id, which it also gives in its answers. */
  readonly name: string;
  readonly version: string;
}

const { consul, name, version } = JSON.parse(process.argv[2] ?? '') as Registration;
const { host, port, metadata } = await weftServer.serve(createWork(1), name);
const { registry } = createConsulDiscovery({ consul: createConsul({ address: consul }) });
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());
await registry.register({
  instanceId: name,
  service: 'bench',
  host,
  port,
  metadata: { ...metadata, version },
});
process.send?.({ registered: name });
