/** The edge in front of the same service. */
import { createClient, weftImage, z } from '#mesh';
import { createEdge } from '#mesh/edge';
import { childOptions, tellReady } from '../child.ts';
import { only } from './only.ts';

const options = childOptions(z.object({ grpcPort: z.number(), port: z.number() }));

const resolver = only(options.grpcPort);
const edge = createEdge({
  port: options.port,
  show: {
    image: weftImage(),
    client: (definition) => createClient(definition, { resolver, target: 'orders' }),
  },
});
await edge.start();
tellReady();
