import { expect, test } from '@jest/globals';
import type { TargetState } from '../rpc/client/peers.ts';
import type { EndpointLaneStats } from '../rpc/lane/transport.ts';
import { peersView, policyView, servingLanesView } from './views.ts';

const endpoint: Omit<TargetState['endpoints'][number], 'instanceId' | 'address'> = {
  ...{ inFlight: 1, streams: 0, latencyMs: 2, successRate: 1, ejectedForMs: 0, weight: 1 },
  health: 'in',
  ...{ local: true, destination: 'orders' },
};
const state: TargetState = {
  target: 'orders',
  guard: { breaker: 'half-open', inFlight: 3, maxInFlight: 1024 },
  budgetLeft: 17,
  stale: false,
  endpoints: [
    { ...endpoint, instanceId: 'o-1', address: 'h:1' },
    { ...endpoint, instanceId: 'o-1', address: 'h:2' },
  ],
  policy: [{ method: '', setting: 'lane', value: 'true', origin: 'default' }],
};
const plain = { 'no-lane': 0, opening: 2, body: 1, metadata: 0, method: 0, full: 0, stream: 0 };
const stats: EndpointLaneStats = {
  ...{ instanceId: 'o-1', address: 'h:2', lanes: 1, laneCalls: 90, writes: 9, written: 91 },
  plainCalls: plain,
};
const peers = { describe: () => [state] };

test('an endpoint has the lanes of all connections to its address, and only reasons that happened', () => {
  const view = peersView({ peers, lanes: { stats: () => [stats, stats] } });
  const [target] = view.targets();
  expect(target).toMatchObject({ breaker: 'half-open', inFlight: 3, retryBudget: 17 });
  expect(target?.endpoints.map(({ lane }) => lane)).toEqual([
    undefined,
    { open: 2, calls: 180, writes: 18, plainCalls: { opening: 4, body: 2 } },
  ]);
  expect(peersView({ peers }).targets()[0]?.endpoints[1]?.lane).toBeUndefined();
});

test('the policy of a target comes with what is refused of it, in a sentence', () => {
  const faults = [{ field: 'timeoutMs', rule: 'is less than 1' }];
  const policies = { describe: () => ({ refused: { version: 7, faults } }) };
  expect(policyView({ peers, policies }).policies()).toEqual([
    { target: 'orders', rows: state.policy, faults: ['timeoutMs is less than 1'] },
  ]);
  expect(policyView({ peers }).policies()[0]?.faults).toBeUndefined();
});

test('a server tells of its lanes, and of none with zeros', () => {
  const served = servingLanesView({ laneStats: () => ({ lanes: 2, replies: 60, writes: 5 }) });
  expect(served()).toEqual({ open: 2, calls: 60, writes: 5, plainCalls: {} });
  const none = servingLanesView({ laneStats: () => undefined });
  expect(none()).toEqual({ open: 0, calls: 0, writes: 0, plainCalls: {} });
});
