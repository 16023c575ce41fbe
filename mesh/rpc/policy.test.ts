import { credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { InventoryServiceClient } from '../../gen/shop/inventory/v1/inventory.ts';
import { MeshError } from '../kernel/error.ts';
import { statusName } from '../kernel/status.ts';
import { type CallEnd, policyContract } from '../testing/policy-contract.ts';
import { closeClient, createClient } from './client/client.ts';
import { protect } from './protect.ts';

const tea = { sku: 'TEA-GREEN' };
const ok: CallEnd = { status: 'OK', text: '' };

policyContract('a client of the mesh', (definition, { mesh }, options) => {
  const stub = createClient(definition, { ...mesh, ...options });
  return {
    getStock: (call) =>
      stub.getStock(tea, call).then(
        () => ok,
        (thrown: unknown) => {
          const { status, message } = MeshError.from(thrown);
          return { status, text: message };
        },
      ),
    close: () => closeClient(stub),
  };
});

policyContract('a generated client under protect()', (definition, { instance }, options) => {
  const bare = new InventoryServiceClient(instance.address, credentials.createInsecure());
  const client = protect(bare, definition, options);
  return {
    getStock: ({ timeoutMs, signal } = {}) =>
      new Promise((resolve) => {
        const end = (error: ServiceError | null): void => {
          resolve(error === null ? ok : { status: statusName(error.code), text: error.details });
        };
        const bound = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
        const call = client.getStock(tea, new Metadata(), bound, end);
        signal?.addEventListener('abort', () => {
          call.cancel();
        });
      }),
    close: async () => {
      client.close();
    },
  };
});
