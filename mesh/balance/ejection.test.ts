import { describe, expect, test } from '@jest/globals';
import { type BalancerBed, balancerBed, broken, ok } from '../testing/balancer-bed.ts';

describe('ejection', () => {
  test('five failures in a row take an endpoint out for about a second', () => {
    const room = balancerBed(3);
    room.eject('e0');
    const state = room.balancer.describe()[0];
    expect(state?.ejectedForMs).toBeGreaterThan(790);
    expect(state?.ejectedForMs).toBeLessThan(1200);
    expect(room.serve(100, () => 1).has('e0')).toBe(false);
  });

  test('one refusal is enough: nothing listens there, or it is going away', () => {
    const room = balancerBed(3);
    const pick = room.pick();
    pick.done({ ...broken, refused: true });
    expect(room.serve(100, () => 1).has(pick.endpoint.instanceId)).toBe(false);
  });

  test('a success breaks the run of failures, a cancelled call does not', () => {
    const room = balancerBed(1, { minSuccessRate: 0 });
    const four = (): void => {
      for (let i = 0; i < 4; i++) room.pick().done(broken);
    };
    four();
    room.pick().done(ok);
    four();
    room.pick().done({ ok: true, status: 'CANCELLED' });
    expect(room.balancer.describe()[0]?.health).toBe('in');
    room.pick().done(broken);
    expect(room.balancer.describe()[0]?.health).toBe('ejected');
  });

  test('one call at a time tries it when the time is over; a failure doubles the time', () => {
    const room = balancerBed(3);
    room.eject('e0');
    room.clock.advance(1300);
    const exclude = new Set(['e1', 'e2']);
    const probe = room.pick(exclude);
    expect(probe.endpoint.instanceId).toBe('e0');
    const others = room.serve(50, () => 1);
    expect(others.has('e0')).toBe(false);
    probe.done(broken);
    const again = room.balancer.describe()[0];
    expect(again?.ejectedForMs).toBeGreaterThan(1590);
    room.clock.advance(2500);
    room.pick(exclude).done(ok);
    expect(room.balancer.describe()[0]?.health).toBe('in');
  });

  test('a stream that has answered ends the probation, though it lives on', () => {
    const room = balancerBed(3);
    room.eject('e0');
    room.clock.advance(1300);
    const stream = room.pick(new Set(['e1', 'e2']));
    stream.answered();
    expect(room.balancer.describe()[0]).toMatchObject({ health: 'in', inFlight: 1 });
  });

  test('never longer than a minute', () => {
    const room = balancerBed(3);
    room.eject('e0');
    for (let i = 0; i < 12; i++) {
      room.clock.advance(80_000);
      room.pick(new Set(['e1', 'e2'])).done(broken);
    }
    expect(room.balancer.describe()[0]?.ejectedForMs).toBeLessThanOrEqual(72_000);
  });

  test('when too few are left, ejection is not heeded: the only endpoint is always asked', () => {
    const room = balancerBed(1);
    for (let i = 0; i < 20; i++) room.pick().done(broken);
    expect(room.balancer.describe()[0]?.health).toBe('ejected');
  });

  test('too few successes eject it too, be there never five failures in a row', () => {
    const room = balancerBed(3);
    let calls = 0;
    // Three of four succeed.
    const half = (id: string) => (id === 'e0' && calls++ % 4 === 3 ? broken : ok);
    room.serve(60, () => 1, half);
    expect(room.events).toMatchObject([{ kind: 'ejected', cause: 'success-rate' }]);
    expect(room.state('e0').health).toBe('ejected');
  });

  test('four calls are too few for a rate, and what is older than ten seconds does not count', () => {
    const room = balancerBed(1);
    for (let i = 0; i < 30; i++) {
      room.pick().done(i % 2 === 0 ? broken : ok);
      room.clock.advance(2600);
    }
    expect(room.events).toEqual([]);
  });

  test('one that breaks again soon after its return is out for twice as long', () => {
    const room = balancerBed(3);
    const others = new Set(['e1', 'e2']);
    const back = (): void => {
      room.clock.advance(80_000);
      room.pick(others).done(ok);
      expect(room.state('e0').health).toBe('in');
    };
    room.eject('e0');
    back();
    room.eject('e0');
    back();
    room.clock.advance(10_001);
    room.eject('e0');
    const ejections = room.events.flatMap((e) => (e.kind === 'ejected' ? [e.ejections] : []));
    expect(ejections).toEqual([1, 2, 1]);
  });

  test('a late answer to what was asked before it broke is no news, one asked in panic is', () => {
    const room = balancerBed(1);
    const early = room.pick();
    room.clock.advance(1);
    room.pick().done({ ...broken, refused: true });
    early.done(ok);
    expect(room.state('e0').health).toBe('ejected');
    room.clock.advance(1);
    room.pick().done(ok);
    expect(room.state('e0').health).toBe('in');
  });

  test('a probe whose caller leaves proves nothing, and lets another try', () => {
    const room = balancerBed(3);
    room.eject('e0');
    room.clock.advance(1300);
    const others = new Set(['e1', 'e2']);
    room.pick(others).done({ ok: true, status: 'CANCELLED' });
    expect(room.state('e0').health).toBe('probation');
    room.pick(others).done(ok);
    expect(room.state('e0').health).toBe('in');
  });

  test('what was not sent says nothing', () => {
    const room = balancerBed(1);
    for (let i = 0; i < 20; i++) {
      room.pick().done({ ok: true, status: 'INVALID_ARGUMENT', neutral: true });
      room.pick().done({ ...broken, neutral: true });
    }
    expect(room.state('e0')).toMatchObject({ health: 'in', latencyMs: 0, successRate: 1 });
  });
});

/** Five answers in a row of one endpoint are failures. */
function failFive({ balancer }: BalancerBed, id: string): void {
  const others = new Set(
    balancer.describe().flatMap((e) => (e.instanceId === id ? [] : [e.instanceId])),
  );
  for (let i = 0; i < 5; i++) balancer.pick(others)?.done(broken);
}

describe('panic', () => {
  test('sends nothing to where nobody listens, as long as anybody does anywhere', () => {
    const room = balancerBed(10);
    for (let i = 0; i < 9; i++) room.pick(new Set(['e9'])).done({ ...broken, refused: true });
    expect(room.events.map(({ kind }) => kind)).toContain('panic-entered');
    expect([...room.serve(500, () => 1).keys()]).toEqual(['e9']);
    // Not even when that one fails; only when it has gone too.
    failFive(room, 'e9');
    expect(room.pick().endpoint.instanceId).toBe('e9');
    room.pick().done({ ...broken, refused: true });
    expect(
      room.serve(
        200,
        () => 0.1,
        () => broken,
      ).size,
    ).toBeGreaterThan(5);
  });

  test('is told of one that was left out for its answers and has gone since', () => {
    const room = balancerBed(3);
    for (const id of ['e0', 'e1']) failFive(room, id);
    room.pick(new Set(['e1', 'e2'])).done({ ...broken, refused: true });
    expect(
      room
        .serve(
          300,
          () => 1,
          (id) => (id === 'e2' ? ok : broken),
        )
        .has('e0'),
    ).toBe(false);
  });

  test('tries an endpoint again by calls that have not failed yet, and not by those that have', () => {
    const room = balancerBed(4, { slowStartMs: 0 });
    room.serve(100, () => 5);
    room.pick(new Set(['e1', 'e2', 'e3'])).done({ ...broken, refused: true });
    room.clock.advance(1300);
    for (let i = 0; i < 50; i++) {
      const second = room.pick(new Set(['e1']));
      expect(second.endpoint.instanceId).not.toBe('e0');
      room.clock.advance(5);
      second.done(ok);
    }
    expect(room.serve(100, () => 5).has('e0')).toBe(true);
  });

  test('begins when fewer than half are left, ends when half are back, and is told', () => {
    const room = balancerBed(4);
    for (const id of ['e0', 'e1']) room.eject(id);
    expect(room.events.map(({ kind }) => kind)).toEqual(['ejected', 'ejected']);
    room.eject('e2');
    expect(room.events.at(-1)).toEqual({ kind: 'panic-entered', endpoints: 4, ejected: 3 });
    const asked = room.serve(200, () => 1);
    expect([...asked.keys()].some((id) => id !== 'e3')).toBe(true);
    expect(room.events.map(({ kind }) => kind)).toContain('panic-left');
  });

  test('leaves the healthy ones at most twice their share', () => {
    const room = balancerBed(8, { ejectMs: 60_000 });
    for (let i = 0; i < 7; i++) failFive(room, `e${String(i)}`);
    const got = room.serve(
      8000,
      () => 5,
      (id) => (id === 'e7' ? ok : broken),
    );
    expect(got.get('e7') ?? 0).toBeLessThan(8000 * (2 / 8) * 1.1);
  });
});
