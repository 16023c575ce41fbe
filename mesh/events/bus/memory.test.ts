import { systemClock } from '../../kernel/clock.ts';
import { busContract } from '../../testing/bus-contract.ts';
import { channelContract } from '../../testing/bus-contract-channels.ts';
import { readingContract } from '../../testing/bus-contract-reading.ts';
import { latestContract } from '../../testing/latest-contract.ts';
import type { Bus } from './bus.ts';
import { createMemoryBus } from './memory.ts';

// Buses of one test share their channels: closing one ends its own consumptions only.
const shared = createMemoryBus({ clock: systemClock });

busContract({
  name: 'the bus in memory',
  features: {},
  newBus: (): Bus => {
    const consumptions: { close(): Promise<void> }[] = [];
    return {
      ...shared,
      consume(options) {
        const consumption = shared.consume(options);
        consumptions.push(consumption);
        return consumption;
      },
      async close() {
        await Promise.all(consumptions.map((each) => each.close()));
      },
    };
  },
});

latestContract(() => createMemoryBus({ clock: systemClock }));
channelContract({
  name: 'the bus in memory',
  newBus: () => createMemoryBus({ clock: systemClock }),
});
readingContract({
  name: 'the bus in memory',
  features: {},
  newBus: () => createMemoryBus({ clock: systemClock }),
});
