/**
 * The vending story end to end: its services as `weft up` runs them, a real Consul and a real nats-server between
 * them, and all that can go wrong.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openVendingGround } from '../../mesh/testing/vending-ground.ts';
import { playScenario, scenarios } from './scenarios.ts';

let ground: Awaited<ReturnType<typeof openVendingGround>>;
beforeAll(async () => {
  ground = await openVendingGround();
}, 120_000);
afterAll(() => ground.close(), 60_000);

test.each(scenarios)(
  'when $name, the sale has its proper end and the books add up',
  async (scenario) => {
    const { errors } = await playScenario(ground, scenario, '1');
    expect(errors).toEqual([]);
  },
  120_000,
);
