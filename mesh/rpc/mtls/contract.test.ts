import { systemClock } from '../../kernel/clock.ts';
import { createAuthority } from '../../testing/authority.ts';
import { eventually } from '../../testing/eventually.ts';
import { describeTransport } from '../../testing/transport-contract.ts';
import { createLaneTransport, type LaneTransport } from '../lane/transport.ts';
import { createPlainTransport } from '../plain/transport.ts';

// All that a transport promises holds over mutual TLS as well, plainly and by lane.
const authority = createAuthority();
const identity = authority.identity('inventory');
const own = authority.identity('orders');

describeTransport({
  name: 'plain',
  identity,
  connect: (endpoint, options) =>
    createPlainTransport({ ...options, identity: own }).open(endpoint),
  ready: async (_connection, call) => {
    await call();
  },
});

let transport: LaneTransport;
describeTransport({
  name: 'lane',
  identity,
  connect(endpoint, options) {
    const plain = createPlainTransport({ ...options, identity: own });
    transport = createLaneTransport({ plain, clock: systemClock });
    return transport.open(endpoint);
  },
  ready: async (_connection, call) => {
    await eventually(async () => {
      await call();
      return transport.stats().every(({ lanes }) => lanes === 1);
    });
  },
});
