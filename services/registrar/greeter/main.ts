import { GreeterServiceDefinition } from '#gen/registrar/greeter/v1/greeter.ts';
import { createServer, weftImage } from '#mesh';
import { config } from './config.ts';
import { greeterService } from './service.ts';

const { host, port, instanceId } = config();
const server = createServer({ image: weftImage() });
server.add(GreeterServiceDefinition, greeterService(instanceId ?? 'a greeter'));
await server.listen({ host, port });
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => {
    void server.close().then(() => process.exit(0));
  });
}
