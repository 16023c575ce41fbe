import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Endpoint } from '../kernel/endpoint.ts';
import { createFakeClock, type FakeClock } from '../testing/fake-clock.ts';
import { createSeededRandom } from '../testing/seeded-random.ts';
import { type Balancer, type BalancerOptions, createBalancer, type Pick } from './balancer.ts';

function endpoint(n: number, port = 7000 + n): Endpoint {
  return {
    instanceId: `e${String(n)}`,
    service: 'inventory',
    host: '127.0.0.1',
    port,
    metadata: {},
  };
}

function endpoints(count: number): Endpoint[] {
  return Array.from({ length: count }, (_, i) => endpoint(i));
}

function bed(
  count: number,
  options: Partial<BalancerOptions> = {},
): { clock: FakeClock; balancer: Balancer } {
  const clock = createFakeClock();
  const random = createSeededRandom(1);
  const balancer = createBalancer({ clock, random, ...options });
  balancer.update(endpoints(count));
  return { clock, balancer };
}

function pickOf(balancer: Balancer, exclude?: ReadonlySet<string>): Pick {
  const pick = balancer.pick(exclude);
  if (pick === undefined) throw new Error('no endpoint was picked');
  return pick;
}

const ok = { ok: true, status: 'OK' } as const;
const broken = { ok: false, status: 'UNAVAILABLE' } as const;

/** Lets every call to `instanceId` fail until it is ejected; other picks succeed. */
function eject(balancer: Balancer, clock: FakeClock, instanceId: string): void {
  const isEjected = (): boolean =>
    balancer.describe().some((e) => e.instanceId === instanceId && e.health === 'ejected');
  for (let i = 0; i < 10_000 && !isEjected(); i++) {
    const pick = pickOf(balancer);
    clock.advance(1);
    pick.done(pick.endpoint.instanceId === instanceId ? broken : ok);
  }
  expect(isEjected()).toBe(true);
}

/** Calls one after another, each taking what `latencyMs` says; returns how many each endpoint got. */
function serve(
  { clock, balancer }: { clock: FakeClock; balancer: Balancer },
  calls: number,
  latencyMs: (instanceId: string) => number,
): Map<string, number> {
  const got = new Map<string, number>();
  for (let i = 0; i < calls; i++) {
    const pick = pickOf(balancer);
    const id = pick.endpoint.instanceId;
    got.set(id, (got.get(id) ?? 0) + 1);
    clock.advance(latencyMs(id));
    pick.done(ok);
  }
  return got;
}

describe('picking', () => {
  test('gives nothing when nothing is known, or all is excluded', () => {
    const { balancer } = bed(2);
    expect(balancer.pick(new Set(['e0', 'e1']))).toBeUndefined();
    balancer.update([]);
    expect(balancer.pick()).toBeUndefined();
  });

  test('never gives an excluded endpoint', () => {
    const { balancer } = bed(3);
    for (let i = 0; i < 100; i++) {
      const pick = pickOf(balancer, new Set(['e0', 'e2']));
      expect(pick.endpoint.instanceId).toBe('e1');
      pick.done(ok);
    }
  });

  test('spreads calls in flight evenly over equal endpoints', () => {
    const room = bed(4);
    const held: Pick[] = [];
    for (let round = 0; round < 250; round++) {
      for (let i = 0; i < 16; i++) held.push(pickOf(room.balancer));
      room.clock.advance(10);
      for (const pick of held.splice(0)) pick.done(ok);
    }
    const total = new Map<string, number>();
    for (let i = 0; i < 4000; i++) {
      const pick = pickOf(room.balancer);
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
    const room = bed(3);
    serve(room, 50, () => 5);
    const got = serve(room, 3000, (id) => (id === 'e0' ? 500 : 5));
    expect(got.get('e0') ?? 0).toBeLessThan(30);
  });

  test('an endpoint that was slow once is tried again when its average has decayed', () => {
    const room = bed(2);
    serve(room, 20, () => 10);
    serve(room, 200, (id) => (id === 'e0' ? 2000 : 10));
    const before = serve(room, 100, () => 10).get('e0') ?? 0;
    expect(before).toBe(0);
    // ln(2000 ms / 10 ms) x tau: nobody asks it meanwhile, and 53 s later the two look alike.
    room.clock.advance(60_000);
    serve(room, 2, () => 10);
    const after = serve(room, 1000, () => 10).get('e0') ?? 0;
    expect(after).toBeGreaterThan(200);
  });

  test('an endpoint that fails fast does not look fast', () => {
    const room = bed(1);
    serve(room, 100, () => 20);
    const before = room.balancer.describe()[0]?.latencyMs;
    for (let i = 0; i < 4; i++) pickOf(room.balancer).done(broken);
    pickOf(room.balancer).done({ ok: true, status: 'CANCELLED' });
    expect(room.balancer.describe()[0]?.latencyMs).toBe(before);
  });

  test('a call that times out makes its endpoint look slow', () => {
    const room = bed(1);
    serve(room, 100, () => 20);
    const pick = pickOf(room.balancer);
    room.clock.advance(2000);
    pick.done({ ok: false, status: 'DEADLINE_EXCEEDED' });
    expect(room.balancer.describe()[0]?.latencyMs).toBe(2000);
  });

  test('the life of a stream is not taken for latency', () => {
    const room = bed(1);
    const pick = pickOf(room.balancer);
    pick.answered();
    room.clock.advance(3_600_000);
    pick.done({ ok: true, status: 'OK', timed: false });
    expect(room.balancer.describe()).toMatchObject([{ latencyMs: 0, inFlight: 0 }]);
  });

  test('a pick that is given back twice counts once', () => {
    const { balancer } = bed(1);
    const [first, second] = [pickOf(balancer), pickOf(balancer)];
    first.done(ok);
    first.done(ok);
    expect(balancer.describe()[0]?.inFlight).toBe(1);
    second.done(ok);
    expect(balancer.describe()[0]?.inFlight).toBe(0);
  });
});

describe('an update of discovery', () => {
  test('keeps what is known of endpoints that stay', () => {
    const room = bed(3);
    eject(room.balancer, room.clock, 'e1');
    const held = pickOf(room.balancer);
    room.balancer.update([...endpoints(3), endpoint(9)]);
    const states = new Map(room.balancer.describe().map((e) => [e.instanceId, e]));
    expect(states.get('e1')?.health).toBe('ejected');
    expect(states.get(held.endpoint.instanceId)?.inFlight).toBe(1);
    expect(states.get('e9')).toMatchObject({ health: 'in', inFlight: 0, latencyMs: 0 });
  });

  test('an instance at a new address starts anew', () => {
    const room = bed(3);
    eject(room.balancer, room.clock, 'e1');
    room.balancer.update([endpoint(0), endpoint(1, 9999), endpoint(2)]);
    expect(room.balancer.describe()[1]).toMatchObject({ address: '127.0.0.1:9999', health: 'in' });
  });

  test('a pick outlives the endpoint it was made of', () => {
    const { balancer } = bed(1);
    const pick = pickOf(balancer);
    balancer.update([endpoint(5)]);
    pick.done(broken);
    expect(balancer.describe()).toMatchObject([{ instanceId: 'e5', inFlight: 0 }]);
  });
});

describe('ejection', () => {
  test('five failures in a row take an endpoint out for about a second', () => {
    const room = bed(3);
    eject(room.balancer, room.clock, 'e0');
    const state = room.balancer.describe()[0];
    expect(state?.ejectedForMs).toBeGreaterThan(790);
    expect(state?.ejectedForMs).toBeLessThan(1200);
    expect(serve(room, 100, () => 1).has('e0')).toBe(false);
  });

  test('one refusal is enough: nothing listens there, or it is going away', () => {
    const room = bed(3);
    const pick = pickOf(room.balancer);
    pick.done({ ...broken, refused: true });
    expect(serve(room, 100, () => 1).has(pick.endpoint.instanceId)).toBe(false);
  });

  test('a success breaks the run of failures, a cancelled call does not', () => {
    const { balancer } = bed(1);
    const four = (): void => {
      for (let i = 0; i < 4; i++) pickOf(balancer).done(broken);
    };
    four();
    pickOf(balancer).done(ok);
    four();
    pickOf(balancer).done({ ok: true, status: 'CANCELLED' });
    expect(balancer.describe()[0]?.health).toBe('in');
    pickOf(balancer).done(broken);
    expect(balancer.describe()[0]?.health).toBe('ejected');
  });

  test('one call at a time tries it when the time is over; a failure doubles the time', () => {
    const room = bed(3);
    eject(room.balancer, room.clock, 'e0');
    room.clock.advance(1300);
    const exclude = new Set(['e1', 'e2']);
    const probe = pickOf(room.balancer, exclude);
    expect(probe.endpoint.instanceId).toBe('e0');
    const others = serve(room, 50, () => 1);
    expect(others.has('e0')).toBe(false);
    probe.done(broken);
    const again = room.balancer.describe()[0];
    expect(again?.ejectedForMs).toBeGreaterThan(1590);
    room.clock.advance(2500);
    pickOf(room.balancer, exclude).done(ok);
    expect(room.balancer.describe()[0]?.health).toBe('in');
  });

  test('a stream that has answered ends the probation, though it lives on', () => {
    const room = bed(3);
    eject(room.balancer, room.clock, 'e0');
    room.clock.advance(1300);
    const stream = pickOf(room.balancer, new Set(['e1', 'e2']));
    stream.answered();
    expect(room.balancer.describe()[0]).toMatchObject({ health: 'in', inFlight: 1 });
  });

  test('never longer than a minute', () => {
    const room = bed(3);
    eject(room.balancer, room.clock, 'e0');
    for (let i = 0; i < 12; i++) {
      room.clock.advance(80_000);
      pickOf(room.balancer, new Set(['e1', 'e2'])).done(broken);
    }
    expect(room.balancer.describe()[0]?.ejectedForMs).toBeLessThanOrEqual(72_000);
  });

  test('when too few are left, ejection is not heeded: the only endpoint is always asked', () => {
    const { balancer } = bed(1);
    for (let i = 0; i < 20; i++) pickOf(balancer).done(broken);
    expect(balancer.describe()[0]?.health).toBe('ejected');
  });
});

describe('whatever happens', () => {
  /** A step of a run: the numbers choose among the endpoints or the calls that are there. */
  const step = fc.oneof(
    fc.record({ do: fc.constant('pick' as const), exclude: fc.nat(7) }),
    fc.record({ do: fc.constant('done' as const), which: fc.nat(63), ok: fc.boolean() }),
    fc.record({ do: fc.constant('advance' as const), ms: fc.nat(3000) }),
    fc.record({ do: fc.constant('update' as const), keep: fc.nat(255) }),
  );

  test('no ejected endpoint is picked unless in panic, no excluded one ever, and all comes back', () => {
    const property = fc.property(fc.nat(), fc.array(step, { maxLength: 200 }), (seed, steps) => {
      const clock = createFakeClock();
      const balancer = createBalancer({ clock, random: createSeededRandom(seed) });
      const known = endpoints(8);
      balancer.update(known);
      const held: Pick[] = [];
      for (const each of steps) {
        if (each.do === 'advance') clock.advance(each.ms);
        else if (each.do === 'update') {
          balancer.update(known.filter((_, i) => ((each.keep >> i) & 1) === 1));
        } else if (each.do === 'done') {
          held.splice(each.which % Math.max(1, held.length), 1)[0]?.done(each.ok ? ok : broken);
        } else {
          const states = balancer.describe();
          const out = states.filter((e) => e.health === 'ejected').map((e) => e.instanceId);
          const panic = states.length - out.length < states.length / 2;
          const pick = balancer.pick(new Set([`e${String(each.exclude)}`]));
          if (pick === undefined) continue;
          held.push(pick);
          expect(pick.endpoint.instanceId).not.toBe(`e${String(each.exclude)}`);
          if (!panic) expect(out).not.toContain(pick.endpoint.instanceId);
        }
      }
      for (const pick of held) pick.done(ok);
      for (const state of balancer.describe()) expect(state.inFlight).toBe(0);
    });
    fc.assert(property, { numRuns: 500 });
  });

  test('there is always an endpoint unless all are excluded', () => {
    const property = fc.property(fc.nat(), fc.integer({ min: 1, max: 6 }), (seed, count) => {
      const clock = createFakeClock();
      const random = createSeededRandom(seed);
      const balancer = createBalancer({ clock, random });
      balancer.update(endpoints(count));
      for (let i = 0; i < 200; i++) {
        pickOf(balancer).done(random.next() < 0.5 ? broken : ok);
        clock.advance(random.next() * 400);
      }
    });
    fc.assert(property, { numRuns: 100 });
  });
});
