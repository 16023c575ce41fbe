import { expect, test } from '@jest/globals';
import type { Bus, Outgoing } from '../events/bus/bus.ts';
import { eventually } from './eventually.ts';

/** What every bus does with a channel that keeps only the latest of each subject. */
export function latestContract(newBus: () => Bus): void {
  test('of a channel that keeps the latest, a new consumer gets one message of each subject', async () => {
    const bus = newBus();
    const name = `latest-${String(process.pid)}`;
    const channel = { name, keep: 'latest' } as const;
    const message = (id: string, key: string): Outgoing => ({
      ...{ channel: name, subject: `${name}.Menu.${key}`, id, headers: { 'ce-id': id } },
      data: new Uint8Array(),
    });
    await bus.ensureChannel(channel);
    await bus.publish([message('a', 'lunch'), message('b', 'dinner'), message('c', 'lunch')]);
    const seen: string[] = [];
    bus.consume({
      ...{ channel, consumer: 'late', subjects: [`${name}.Menu.*`], maxInFlight: 1 },
      onDelivery(delivery) {
        seen.push(delivery.headers['ce-id'] ?? '');
        // While it is worked on it is replaced: then it need not come again.
        if (seen.length === 1)
          void bus.publish([message('d', 'dinner')]).then(() => delivery.nak());
        else delivery.ack();
      },
    });
    await eventually(() => seen.length === 3);
    expect(seen).toEqual(['b', 'c', 'd']);
    await bus.close();
  });
}
