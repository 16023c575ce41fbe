import { describe, expect, test } from '@jest/globals';
import {
  type EndpointStats,
  Figures,
  GetStatsResponse,
  type TargetStats,
} from '../../gen/weft/admin/v1/admin.ts';
import { bucketOf, latencyBoundsMs } from '../telemetry/histogram.ts';
import { meshStats } from './mesh-stats.ts';

/** Figures of so many that ended, all with one latency. */
function figures(ended: number, ms: number, failed = 0): Figures {
  const latencyBuckets = new Array<number>(bucketOf(latencyBoundsMs, ms) + 1).fill(0);
  latencyBuckets[latencyBuckets.length - 1] = ended;
  return Figures.create({ ended, failed, perSecond: ended / 60, latencyBuckets });
}

const place = 'shop.orders.v1.OrdersService/PlaceOrder';
const common = { target: 'orders', method: place, streaming: false, inFlight: 1, refused: 0 };

const gateway = (instanceId: string, over: Partial<GetStatsResponse>): GetStatsResponse =>
  GetStatsResponse.create({
    ...{ service: 'gateway', instanceId, windowSeconds: 60 },
    latencyBoundsMs: [...latencyBoundsMs],
    ...over,
  });

const endpoint = (instanceId: string, health: string): EndpointStats => ({
  ...{ instanceId, address: 'h:1', health, inFlight: 0, streams: 0, latencyMs: 1 },
  ...{ ejectedForMs: 0, successRate: 1, weight: 1 },
  lane: { open: 1, calls: 120n, writes: 10n, plainCalls: {} },
});

const towards = (breaker: string, ...endpoints: EndpointStats[]): TargetStats => ({
  ...{ target: 'orders', breaker, inFlight: 0, retryBudget: 100, stale: false, endpoints },
});

describe('the mesh, added up', () => {
  test('takes percentiles of all calls together, and no average of averages', () => {
    const stats = meshStats([
      gateway('g-1', {
        clients: [{ ...common, calls: figures(990, 0.7), attempts: [], retried: 0 }],
      }),
      gateway('g-2', {
        clients: [{ ...common, calls: figures(10, 900, 10), attempts: [], retried: 5 }],
      }),
    ]);
    expect(stats.edges).toHaveLength(1);
    const [edge] = stats.edges;
    expect(edge).toMatchObject({ caller: 'gateway', target: 'orders', ended: 1000, failed: 10 });
    expect(edge?.successRate).toBeCloseTo(0.99);
    expect(edge?.perSecond).toBeCloseTo(1000 / 60);
    expect(edge?.p50Ms).toBeLessThan(0.8);
    expect(edge?.p99Ms).toBeLessThanOrEqual(0.8);
    expect(edge?.retriedShare).toBeCloseTo(0.005);
    expect(edge?.inFlight).toBe(2);
  });

  test('tells calls from attempts, and lane from plain by attempts', () => {
    const attempts = [
      { transport: 'lane', figures: figures(30, 1, 10) },
      { transport: 'plain', figures: figures(10, 1) },
    ];
    const clients = [{ ...common, calls: figures(30, 2), attempts, retried: 10 }];
    const [edge] = meshStats([gateway('g-1', { clients })]).edges;
    expect(edge).toMatchObject({ ended: 30, successRate: 1, laneShare: 0.75 });
    expect(edge?.attempts).toMatchObject({ ended: 40, failed: 10, successRate: 0.75 });
  });

  test('leaves streams out of latency and of the share of lanes, and counts them otherwise', () => {
    const watch = { ...common, method: 'shop.orders.v1.OrdersService/WatchOrder', streaming: true };
    const attempts = [{ transport: 'plain', figures: figures(5, 60_000) }];
    const clients = [
      { ...watch, calls: figures(5, 60_000), attempts, retried: 0 },
      {
        ...{ ...common, calls: figures(5, 1), retried: 0 },
        attempts: [{ transport: 'lane', figures: figures(5, 1) }],
      },
    ];
    const [edge] = meshStats([gateway('g-1', { clients })]).edges;
    expect(edge).toMatchObject({ ended: 10, laneShare: 1 });
    expect(edge?.p99Ms).toBeLessThanOrEqual(1);
  });

  test('names the breakers that are open, the instances that are ejected, and what batching wins', () => {
    const targets = [towards('open', endpoint('o-1', 'ejected'), endpoint('o-2', 'in'))];
    const other = [towards('closed', endpoint('o-1', 'ejected'), endpoint('o-2', 'in'))];
    const stats = meshStats([gateway('g-1', { targets }), gateway('g-2', { targets: other })]);
    expect(stats.edges).toEqual([
      expect.objectContaining({
        ...{ callers: 2, breakersOpen: 1, ejected: ['o-1'], callsPerWrite: 12 },
        successRate: undefined,
      }),
    ]);
  });

  test('shows what each service serves by method, without what the mesh asks of itself', () => {
    const served = { streaming: false, inFlight: 0 };
    const calls = [{ transport: 'lane', figures: figures(6, 1, 3) }];
    const answer = gateway('o-1', {
      service: 'orders',
      servers: [
        { ...served, method: place, calls },
        { ...served, method: 'weft.admin.v1.AdminService/GetStats', calls },
        { ...served, method: 'grpc.health.v1.Health/Check', calls },
      ],
    });
    const stats = meshStats([answer]);
    expect(stats.services).toMatchObject([
      { service: 'orders', instances: 1, ended: 6, successRate: 0.5, laneShare: 1 },
    ]);
    expect(stats.methods.map(({ method }) => method)).toEqual([place]);
    expect(meshStats([answer], { own: true }).methods).toHaveLength(3);
  });
});
