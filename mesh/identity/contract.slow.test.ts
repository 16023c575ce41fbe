import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConsul } from '../consul/client.ts';
import { createAuthority } from '../testing/authority.ts';
import { startConsul } from '../testing/consul.ts';
import { consulSecurity, promptCa } from '../testing/consul-ca.ts';
import { describeIdentity } from '../testing/identity-contract.ts';
import { openConsulIdentity } from './consul.ts';
import { openFileIdentity } from './files.ts';

describeIdentity("Consul's CA", async () => {
  const server = await startConsul({ hcl: promptCa });
  const consul = createConsul({ address: server.address });
  return {
    open: (service) => openConsulIdentity({ consul, service }),
    changeRoot: () => consulSecurity(server.address).changeRoot(),
    goAway: () => server.stop(),
    comeBack: () => server.restart(),
    async close() {
      consul.close();
      await server.close();
    },
  };
});

describeIdentity('a set of files', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'weft-identity-'));
  const authority = createAuthority();
  const services = new Set<string>();
  const put = async (name: string, text: string): Promise<void> => {
    await writeFile(join(folder, `${name}.new`), text, { mode: 0o600 });
    await rename(join(folder, `${name}.new`), join(folder, name));
  };
  const write = async (service: string): Promise<void> => {
    const { certificates, key, roots } = authority.issue(service);
    await put(`${service}.key`, key);
    await put(`${service}.pem`, certificates);
    await put('roots.pem', roots.join(''));
  };
  return {
    async open(service) {
      services.add(service);
      await write(service);
      return openFileIdentity({
        certificate: join(folder, `${service}.pem`),
        key: join(folder, `${service}.key`),
        roots: join(folder, 'roots.pem'),
        everyMs: 20,
      });
    },
    async changeRoot() {
      authority.addRoot();
      for (const service of services) await write(service);
    },
    async goAway() {
      for (const service of services) await put(`${service}.pem`, 'not a certificate');
    },
    async comeBack() {
      for (const service of services) await write(service);
    },
    close: () => rm(folder, { recursive: true }),
  };
});

describeIdentity('the CA of the tests', () => {
  const authority = createAuthority();
  const opened: ReturnType<typeof authority.identity>[] = [];
  let away = false;
  const rotateAll = (): void => {
    if (!away) for (const each of opened) each.rotate();
  };
  return Promise.resolve({
    open(service: string) {
      const identity = authority.identity(service);
      opened.push(identity);
      return Promise.resolve(identity);
    },
    changeRoot() {
      authority.addRoot();
      rotateAll();
      return Promise.resolve();
    },
    goAway() {
      away = true;
      return Promise.resolve();
    },
    comeBack() {
      away = false;
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  });
});
