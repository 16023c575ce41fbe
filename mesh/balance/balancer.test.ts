import { describe, expect, test } from '@jest/globals';
import { balancerBed, broken, endpoint, endpoints, ok } from '../testing/balancer-bed.ts';
import type { Pick } from './balancer.ts';

describe('picking', () => {
  test('gives nothing when nothing is known, or all is excluded', () => {
    const room = balancerBed(2);
    expect(room.balancer.pick(new Set(['e0', 'e1']))).toBeUndefined();
    room.balancer.update([]);
    expect(room.balancer.pick()).toBeUndefined();
  });

  test('never gives an excluded endpoint', () => {
    const room = balancerBed(3);
    for (let i = 0; i < 100; i++) {
      const pick = room.pick(new Set(['e0', 'e2']));
      expect(pick.endpoint.instanceId).toBe('e1');
      pick.done(ok);
    }
  });

  test('spreads calls in flight evenly over equal endpoints', () => {
    const room = balancerBed(4);
    const held: Pick<string>[] = [];
    for (let round = 0; round < 250; round++) {
      for (let i = 0; i < 16; i++) held.push(room.pick());
      room.clock.advance(10);
      for (const pick of held.splice(0)) pick.done(ok);
    }
    const total = new Map<string, number>();
    for (let i = 0; i < 4000; i++) {
      const pick = room.pick();
      total.set(pick.endpoint.instanceId, (total.get(pick.endpoint.instanceId) ?? 0) + 1);
      held.push(pick);
      if (held.length < 16) continue;
      room.clock.advance(1);
      held.shift()?.done(ok);
    }
    expect(Math.min(...total.values())).toBeGreaterThan(600);
    expect(Math.max(...total.values())).toBeLessThan(1400);
  });

  test('a slow endpoint gets little', () => {
    const room = balancerBed(3);
    room.serve(50, () => 5);
    const got = room.serve(3000, (id) => (id === 'e0' ? 500 : 5));
    // What is left is the forced pick that measures it again, one a second.
    expect(got.get('e0') ?? 0).toBeLessThan(45);
  });

  test('an endpoint that was slow once is tried again when its average has decayed', () => {
    const room = balancerBed(2);
    room.serve(20, () => 10);
    room.serve(200, (id) => (id === 'e0' ? 2000 : 10));
    const before = room.serve(100, () => 10).get('e0') ?? 0;
    expect(before).toBeLessThanOrEqual(1);
    // ln(2000 ms / 10 ms) x tau: nobody asks it meanwhile, and 53 s later the two look alike.
    room.clock.advance(60_000);
    room.serve(2, () => 10);
    const after = room.serve(1000, () => 10).get('e0') ?? 0;
    expect(after).toBeGreaterThan(200);
  });

  test('an endpoint that fails fast does not look fast', () => {
    const room = balancerBed(1);
    room.serve(100, () => 20);
    const before = room.balancer.describe()[0]?.latencyMs;
    for (let i = 0; i < 4; i++) room.pick().done(broken);
    room.pick().done({ ok: true, status: 'CANCELLED' });
    expect(room.balancer.describe()[0]?.latencyMs).toBe(before);
  });

  test('a call that times out makes its endpoint look slow', () => {
    const room = balancerBed(1);
    room.serve(100, () => 20);
    const pick = room.pick();
    room.clock.advance(2000);
    pick.done({ ok: false, status: 'DEADLINE_EXCEEDED' });
    expect(room.balancer.describe()[0]?.latencyMs).toBe(2000);
  });

  test('the life of a stream is not taken for latency', () => {
    const room = balancerBed(1);
    const pick = room.pick();
    pick.answered();
    room.clock.advance(3_600_000);
    pick.done({ ok: true, status: 'OK', timed: false });
    expect(room.balancer.describe()).toMatchObject([{ latencyMs: 0, inFlight: 0 }]);
  });

  test('a pick that is given back twice counts once', () => {
    const room = balancerBed(1);
    const [first, second] = [room.pick(), room.pick()];
    first.done(ok);
    first.done(ok);
    expect(room.balancer.describe()[0]?.inFlight).toBe(1);
    second.done(ok);
    expect(room.balancer.describe()[0]?.inFlight).toBe(0);
  });
});

describe('an update of discovery', () => {
  test('keeps what is known of endpoints that stay', () => {
    const room = balancerBed(3);
    room.eject('e1');
    const held = room.pick();
    room.balancer.update([...endpoints(3), endpoint(9)]);
    const states = new Map(room.balancer.describe().map((e) => [e.instanceId, e]));
    expect(states.get('e1')?.health).toBe('ejected');
    expect(states.get(held.endpoint.instanceId)?.inFlight).toBe(1);
    expect(states.get('e9')).toMatchObject({ health: 'in', inFlight: 0, latencyMs: 0 });
  });

  test('an instance at a new address starts anew', () => {
    const room = balancerBed(3);
    room.eject('e1');
    room.balancer.update([endpoint(0), { ...endpoint(1), port: 9999 }, endpoint(2)]);
    expect(room.balancer.describe()[1]).toMatchObject({ address: '127.0.0.1:9999', health: 'in' });
  });

  test('a pick outlives the endpoint it was made of', () => {
    const room = balancerBed(1);
    const pick = room.pick();
    room.balancer.update([endpoint(5)]);
    pick.done(broken);
    expect(room.balancer.describe()).toMatchObject([{ instanceId: 'e5', inFlight: 0 }]);
  });
});

describe('what calls travel on', () => {
  test('is opened at the first pick, kept, and closed when the endpoint leaves', () => {
    const room = balancerBed(3);
    expect(room.opened).toEqual([]);
    room.serve(100, () => 1);
    expect(room.opened.toSorted()).toEqual(['e0', 'e1', 'e2']);
    const held = room.pick(new Set(['e1', 'e2']));
    room.balancer.update([endpoint(1), endpoint(2)]);
    expect(room.closed).toEqual(['e0']);
    expect(held.resource).toBe('e0');
    room.balancer.close();
    expect(room.closed).toEqual(['e0', 'e1', 'e2']);
    expect(room.balancer.pick()).toBeUndefined();
    room.balancer.update(endpoints(3));
    expect(room.balancer.size).toBe(0);
    held.done(ok);
  });

  test('that cannot be opened leaves nothing in flight', () => {
    const room = balancerBed(1, {
      open: () => {
        throw new Error('no sockets left');
      },
    });
    expect(() => room.pick()).toThrow('no sockets left');
    expect(room.state('e0').inFlight).toBe(0);
  });
});

describe('once more', () => {
  test('goes to the same endpoint, as a call of its own', () => {
    const room = balancerBed(3);
    const first = room.pick();
    const second = first.again();
    expect(second.endpoint).toBe(first.endpoint);
    expect(room.state(first.endpoint.instanceId).inFlight).toBe(2);
    first.done(ok);
    expect(room.state(first.endpoint.instanceId).inFlight).toBe(1);
    second.done(ok);
  });

  test('goes elsewhere when the endpoint is out or gone', () => {
    const room = balancerBed(3);
    const first = room.pick();
    const { instanceId } = first.endpoint;
    first.done({ ...broken, refused: true });
    expect(first.again().endpoint.instanceId).not.toBe(instanceId);
    room.balancer.update([endpoint(7)]);
    expect(first.again().endpoint.instanceId).toBe('e7');
    room.balancer.update([]);
    // Nobody is left: what it travelled on refuses it, and nothing is opened that nobody would close.
    expect(first.again().resource).toBe(instanceId);
    expect(room.closed.toSorted()).toEqual(room.opened.toSorted());
  });
});

describe('an endpoint that nobody has asked for a second', () => {
  test('is asked when it is drawn, however slow it was', () => {
    const room = balancerBed(2);
    room.serve(20, () => 10);
    room.serve(60, (id) => (id === 'e0' ? 2000 : 10));
    const got = room.serve(1000, () => 10);
    // Ten seconds pass; it is measured ten times, and its average does not stand in the way for ever.
    expect(got.get('e0') ?? 0).toBeGreaterThanOrEqual(8);
    expect(got.get('e0') ?? 0).toBeLessThan(30);
  });

  test('gets at most one call in ten for that', () => {
    const room = balancerBed(3);
    room.serve(30, () => 10);
    // A call each half a second: everybody goes unpicked for a second now and then.
    const got = room.serve(300, (id) => (id === 'e0' ? 5000 : 500));
    expect(got.get('e0') ?? 0).toBeLessThan(35);
  });
});

describe('a call that hangs', () => {
  test('makes its endpoint look slow before it has ended', () => {
    const room = balancerBed(2);
    room.serve(200, () => 10);
    const hanging = room.pick();
    room.clock.advance(500);
    const got = room.serve(50, () => 10);
    expect(got.get(hanging.endpoint.instanceId) ?? 0).toBe(0);
    hanging.done(ok);
  });
});

describe('RESOURCE_EXHAUSTED', () => {
  const exhausted = { ok: true, status: 'RESOURCE_EXHAUSTED' } as const;

  test('counts as five slow seconds, though it came at once', () => {
    const room = balancerBed(2);
    room.serve(100, () => 10);
    const refusing = room.pick();
    const { instanceId } = refusing.endpoint;
    refusing.done(exhausted);
    expect(room.state(instanceId).latencyMs).toBe(5000);
    expect(room.serve(90, () => 10).get(instanceId) ?? 0).toBe(0);
  });

  test('counts as long as the server asks to be left alone, and five minutes at most', () => {
    const room = balancerBed(1);
    room.pick().done({ ...exhausted, retryAfterMs: 700 });
    expect(room.state('e0').latencyMs).toBe(700);
    room.pick().done({ ...exhausted, retryAfterMs: 1e9 });
    expect(room.state('e0').latencyMs).toBe(300_000);
  });

  test('is a failure for the rate, not for the run', () => {
    const one = balancerBed(3, { minSuccessRate: 0 });
    one.serve(
      300,
      () => 1,
      () => exhausted,
    );
    expect(one.events).toEqual([]);
    const other = balancerBed(3);
    const first = new Set(['e1', 'e2']);
    for (let i = 0; i < 5; i++) other.pick(first).done(exhausted);
    expect(other.events).toMatchObject([{ kind: 'ejected', cause: 'success-rate' }]);
  });
});

describe('streams', () => {
  test('that are idle do not look like busy calls', () => {
    const room = balancerBed(2);
    room.serve(100, () => 10);
    const [first] = endpoints(1);
    const watchers = [room.stream()];
    while (watchers.length < 50) watchers.push(watchers[0]?.again() ?? room.stream());
    const busy = watchers[0]?.endpoint.instanceId ?? first?.instanceId ?? '';
    expect(room.state(busy)).toMatchObject({ streams: 50, inFlight: 0 });
    const got = room.serve(400, () => 10);
    expect(got.get(busy) ?? 0).toBeGreaterThan(100);
    for (const each of watchers) each.done(ok);
    expect(room.state(busy).streams).toBe(0);
  });

  test('are dealt evenly, whatever the latencies of the moment', () => {
    const room = balancerBed(4);
    room.serve(100, (id) => (id === 'e0' ? 40 : 5));
    for (let i = 0; i < 400; i++) room.stream();
    const counts = room.balancer.describe().map(({ streams }) => streams);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(8);
  });
});

describe('an endpoint that joins later', () => {
  test('begins with a tenth of its share and has all of it after half a minute', () => {
    const room = balancerBed(4);
    room.serve(400, () => 1);
    room.balancer.update(endpoints(5));
    expect(room.state('e4').weight).toBe(0.1);
    const early = room.serve(1000, () => 1).get('e4') ?? 0;
    expect(early).toBeLessThan(1000 * 0.05);
    room.clock.advance(29_000);
    room.serve(50, () => 1);
    const late = room.serve(1000, () => 1).get('e4') ?? 0;
    expect(late).toBeGreaterThan(1000 * 0.12);
    expect(room.state('e4').weight).toBe(1);
  });

  test('is not spared among those that are there from the start, nor where most are new', () => {
    const room = balancerBed(3);
    expect(room.state('e0').weight).toBe(1);
    room.balancer.update([endpoint(0), ...[5, 6, 7].map((n) => endpoint(n))]);
    const got = room.serve(1000, () => 1);
    expect(got.get('e0') ?? 0).toBeLessThan(400);
  });
});

describe('the other strategies', () => {
  test('round robin asks each in its turn', () => {
    const room = balancerBed(3, { strategy: 'round-robin' });
    const got = room.serve(300, (id) => (id === 'e0' ? 1000 : 1));
    expect([...got.values()]).toEqual([100, 100, 100]);
    expect(room.pick(new Set(['e0', 'e1'])).endpoint.instanceId).toBe('e2');
    expect(room.balancer.pick(new Set(['e0', 'e1', 'e2']))).toBeUndefined();
  });

  test('least request asks the one of two with fewer calls in flight', () => {
    const room = balancerBed(2, { strategy: 'least-request' });
    const [first, second] = [room.pick(), room.pick()];
    expect(first.endpoint).not.toBe(second.endpoint);
    first.done(ok);
    expect(room.pick().endpoint).toBe(first.endpoint);
    const streams = [room.stream(), room.stream()];
    expect(new Set(streams.map(({ endpoint: at }) => at.instanceId)).size).toBe(2);
  });
});
