import { expect, test } from '@jest/globals';
import { createSeededRandom } from '../../mesh/testing/seeded-random.ts';
import { drawFaults, type Plan } from './faults.ts';

const plan: Plan = {
  kill: 40,
  'nats-killed': 3,
  'publish-acks-lost': 3,
  'consumer-acks-lost': 3,
  'stream-deleted': 2,
  'store-rolled-back': 2,
};
const draw = (seed: number) => drawFaults(plan, { pauseMs: 500, random: createSeededRandom(seed) });

test('a seed repeats the faults, their order and the pauses between them', () => {
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
});

test('every fault of the plan comes as often as planned', () => {
  const kinds = draw(1).map(({ fault }) => fault.kind);
  for (const [kind, count] of Object.entries(plan)) {
    expect([kind, kinds.filter((each) => each === kind).length]).toEqual([kind, count]);
  }
});

test('whoever relays and consumes is killed more often than those who are only called', () => {
  const targets = draw(1).flatMap(({ fault }) => (fault.kind === 'kill' ? [fault.target] : []));
  const times = (target: string): number => targets.filter((each) => each === target).length;
  expect(times('orders')).toBeGreaterThan(times('payments'));
});
