import { describeTransport } from '../../testing/transport-contract.ts';
import { createPlainTransport } from './transport.ts';

describeTransport({
  name: 'plain',
  connect: (endpoint, options) => createPlainTransport(options).open(endpoint),
  ready: async (_connection, call) => {
    await call();
  },
});
