import { systemClock } from '../../kernel/clock.ts';
import { eventually } from '../../testing/eventually.ts';
import { describeTransport } from '../../testing/transport-contract.ts';
import { createPlainTransport } from '../plain/transport.ts';
import { createLaneTransport, type LaneTransport } from './transport.ts';

let transport: LaneTransport;

describeTransport({
  name: 'lane',
  connect(endpoint, options) {
    transport = createLaneTransport({ plain: createPlainTransport(options), clock: systemClock });
    return transport.open(endpoint);
  },
  ready: async (_connection, call) => {
    await eventually(async () => {
      await call();
      return transport.stats().every(({ lanes }) => lanes === 1);
    });
  },
});
