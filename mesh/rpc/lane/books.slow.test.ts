import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PendingCalls } from './pending-calls.ts';
import { RunningCalls } from './running-calls.ts';

/**
 * The books of both sides, played against each other over a wire that delays as it likes and is cut whenever
 * it likes. Messages of one direction stay in order, as on a stream; all else is left to chance.
 */

interface Step {
  readonly do:
    | 'call'
    | 'write'
    | 'deliver'
    | 'end'
    | 'send'
    | 'receive'
    | 'leave'
    | 'goAway'
    | 'cut';
  /** Which of the calls that there are; for those that leave or end. */
  readonly which: number;
}

const weighted = (weight: number, arbitrary: fc.Arbitrary<Step>) => ({ weight, arbitrary });
const just = (name: Step['do']) => fc.constant<Step>({ do: name, which: 0 });
const any = (name: 'leave' | 'end') => fc.nat(1000).map((which): Step => ({ do: name, which }));

// Much to one: a play that is cut at its beginning shows little.
const steps = fc.array(
  fc.oneof(
    weighted(32, just('call')),
    weighted(16, just('write')),
    weighted(16, just('deliver')),
    weighted(20, any('end')),
    weighted(16, just('send')),
    weighted(10, just('receive')),
    weighted(20, any('leave')),
    weighted(1, just('goAway')),
    weighted(1, just('cut')),
  ),
  // Without a size fast-check ends at ten, whatever the length that is allowed.
  { maxLength: 60, size: 'max' },
);

interface ToServer {
  readonly id: number;
  readonly cancel: boolean;
  readonly call: CallOfTest;
}

type ToClient =
  | { readonly id: number; readonly of: CallOfTest; readonly refused: boolean }
  | { readonly lastId: number };

/** A call, and all that ever became of it. */
interface CallOfTest {
  id: number;
  ran: number;
  ends: string[];
}

class Play {
  readonly all: CallOfTest[] = [];
  readonly pending: PendingCalls<CallOfTest>;
  readonly running: RunningCalls<CallOfTest>;
  #batch: ToServer[] = [];
  #written: ToServer[] = [];
  #answers: ToClient[] = [];
  #sent: ToClient[] = [];
  #cut = false;
  #leaving = false;

  constructor(clientLimit: number, serverLimit: number) {
    this.pending = new PendingCalls(clientLimit);
    this.running = new RunningCalls(serverLimit);
  }

  step(step: Step): void {
    if (this.#cut) return;
    switch (step.do) {
      case 'call':
        this.#call();
        return;
      case 'write':
        this.#written.push(...this.#batch.splice(0));
        this.pending.wrote();
        return;
      case 'deliver':
        this.#deliver();
        return;
      case 'end':
        this.#endOne(step);
        return;
      case 'send':
        this.#sent.push(...this.#answers.splice(0));
        return;
      case 'receive':
        this.#receive();
        return;
      case 'leave':
        this.#leave(step);
        return;
      case 'goAway':
        this.#answers.push({ lastId: this.running.goAway() });
        return;
      case 'cut':
        this.cut();
    }
  }

  #call(): void {
    if (this.#leaving) return;
    const call: CallOfTest = { id: 0, ran: 0, ends: [] };
    const id = this.pending.add(call);
    if (id === 0) {
      expect(this.pending.size).toBe(this.pending.limit);
      return;
    }
    expect(this.all.every((before) => before.id < id)).toBe(true);
    call.id = id;
    this.all.push(call);
    this.#batch.push({ id, cancel: false, call });
  }

  #deliver(): void {
    const message = this.#written.shift();
    if (message === undefined) return;
    const { id, cancel, call } = message;
    if (cancel) {
      this.running.cancel(id);
      return;
    }
    const admission = this.running.admit(id);
    expect(admission).not.toBe('breach');
    if (admission === 'refuse') this.#answers.push({ id, of: call, refused: true });
    if (admission !== 'run') return;
    call.ran++;
    this.running.add(id, call);
    expect(this.running.size).toBeLessThanOrEqual(this.running.limit);
  }

  #endOne(step: Step): void {
    const calls = [...this.running.calls()];
    const call = calls[step.which % calls.length];
    if (call === undefined) return;
    expect(this.running.end(call.id)).toBe(true);
    expect(this.running.end(call.id)).toBe(false);
    this.#answers.push({ id: call.id, of: call, refused: false });
  }

  #receive(): void {
    const message = this.#sent.shift();
    if (message === undefined) return;
    if ('lastId' in message) {
      this.#leaving = true;
      for (const call of this.pending.above(message.lastId)) call.ends.push('unreached');
      return;
    }
    const call = this.pending.take(message.id);
    if (call === undefined) return;
    expect(call).toBe(message.of);
    call.ends.push(message.refused ? 'unreached' : 'answered');
  }

  #leave(step: Step): void {
    const calls = [...this.pending.waiting()];
    const call = calls[step.which % calls.length];
    if (call === undefined) return;
    expect(this.pending.take(call.id)).toBe(call);
    call.ends.push('left');
    this.#batch.push({ id: call.id, cancel: true, call });
  }

  cut(): void {
    this.#cut = true;
    // What was on its way is lost on the way back; what the server has, it may still run.
    while (this.#written.length > 0) this.#deliver();
    const { unreached, inDoubt } = this.pending.fall();
    for (const call of unreached) call.ends.push('unreached');
    for (const call of inDoubt) call.ends.push('in doubt');
    this.running.fall();
  }
}

describe('the books of a lane', () => {
  test('lose, double or misdirect no reply, and tell the truth about reach, whatever happens', () => {
    fc.assert(
      fc.property(
        steps,
        // Few places, so that they are taken again while replies are late.
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 6 }),
        (each, ours, theirs) => {
          const play = new Play(ours, theirs);
          for (const step of each) play.step(step);
          play.cut();
          expect(play.pending.size).toBe(0);
          expect(play.running.size).toBe(0);
          for (const call of play.all) {
            // One end for every caller, and one run at most.
            expect(call.ends).toHaveLength(1);
            expect(call.ran).toBeLessThanOrEqual(1);
            if (call.ends[0] === 'unreached') expect(call.ran).toBe(0);
            if (call.ends[0] === 'answered') expect(call.ran).toBe(1);
          }
        },
      ),
      { numRuns: 10_000 },
    );
  });

  test('answer everything when nothing is cut', () => {
    fc.assert(
      fc.property(steps, (each) => {
        const play = new Play(8, 8);
        const whole = each.filter((step) => step.do !== 'cut');
        for (const step of whole) play.step(step);
        for (let round = 0; round < 4; round++) {
          play.step({ do: 'write', which: 0 });
          for (const which of each.keys()) play.step({ do: 'deliver', which });
          for (const which of each.keys()) play.step({ do: 'end', which });
          play.step({ do: 'send', which: 0 });
          for (const which of [...each, ...each].keys()) play.step({ do: 'receive', which });
        }
        for (const { ends } of play.all) {
          expect(ends).toHaveLength(1);
          expect(ends[0]).not.toBe('in doubt');
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('leave out an id whose place is taken by a call that lasts', () => {
    const pending = new PendingCalls<string>(4);
    const slow = pending.add('slow');
    const seen = new Set([slow]);
    for (let i = 0; i < 100; i++) {
      const id = pending.add(`call ${String(i)}`);
      expect(seen.has(id)).toBe(false);
      seen.add(id);
      expect(pending.take(id)).toBe(`call ${String(i)}`);
    }
    expect(pending.take(slow)).toBe('slow');
  });

  test('find nobody for a late reply, whoever has the place now', () => {
    const pending = new PendingCalls<string>(1);
    const left = pending.add('left');
    pending.take(left);
    // Once around: with a limit of 1 there are two places.
    pending.take(pending.add('between'));
    const waits = pending.add('waits');
    expect(pending.take(left)).toBeUndefined();
    expect(pending.take(waits)).toBe('waits');
  });

  test('end before ids come back', () => {
    const pending = new PendingCalls<string>(4, 0x7fff_fff0);
    let last = 0;
    while (!pending.spent) {
      last = pending.add('call');
      expect(pending.take(last)).toBe('call');
    }
    expect(pending.add('one too many')).toBe(0);
    expect(last).toBeLessThanOrEqual(0x7fff_ffff);
  });
});
