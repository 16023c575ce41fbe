import { expect, test } from '@jest/globals';
import { MeshError, systemClock } from '#mesh';
import { errorOf } from '../../mesh/testing/error-of.ts';
import { notSeen, until, within } from './waits.ts';

const clock = systemClock;

test('a wait ends when the answer is yes, and who is away has not said yes', async () => {
  let asked = 0;
  const probe = async (): Promise<boolean> => {
    if (++asked === 1) throw new MeshError('not back yet', { status: 'UNAVAILABLE' });
    return asked === 3;
  };
  await until('the third time', probe, { withinMs: 5_000, clock });
  expect(asked).toBe(3);
});

test('a wait for what never comes ends with a sentence, also when nobody ever answers', async () => {
  const never = [() => Promise.resolve(false), () => new Promise<boolean>(() => undefined)];
  for (const probe of never) {
    const error = await errorOf(until('the moon', probe, { withinMs: 120, clock }));
    expect(error).toMatchObject({ status: 'DEADLINE_EXCEEDED', reason: 'NOT_SEEN' });
    expect(error.message).toContain('the moon: not seen within 0.12 s; look at: make ps');
  }
});

test('a failure that no waiting mends is told at once', async () => {
  const probe = () => Promise.reject(new MeshError('no', { status: 'INVALID_ARGUMENT' }));
  const error = await errorOf(until('it', probe, { withinMs: 60_000, clock }));
  expect(error.status).toBe('INVALID_ARGUMENT');
});

test('work that is done in time is what it came to', async () => {
  const late = () => notSeen('the end', 50);
  expect(await within(Promise.resolve(7), { ms: 50, late, clock })).toBe(7);
});
