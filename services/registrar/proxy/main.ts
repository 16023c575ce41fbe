import { GreeterServiceDefinition } from '#gen/registrar/greeter/v1/greeter.ts';
import { createClient, createPlainTransport, createServer, weftImage } from '#mesh';
import { config } from './config.ts';
import { createDnsResolver } from './dns-resolver.ts';
import { proxyService } from './service.ts';

const { host, port, dnsServer, dnsEveryMs } = config();
const greeter = createClient(GreeterServiceDefinition, {
  resolver: createDnsResolver({ server: dnsServer, everyMs: dnsEveryMs }),
  transport: createPlainTransport(),
});
const server = createServer({ image: weftImage() });
server.add(GreeterServiceDefinition, proxyService(greeter));
await server.listen({ host, port });
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => {
    void server.close().then(() => process.exit(0));
  });
}
