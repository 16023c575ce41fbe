import { expect, test } from '@jest/globals';
import { pauseMs, welcome } from './welcome.ts';

test('a welcome goes to the customer and is known by its event', () => {
  const customer = { customerId: 'ada', name: 'Ada', email: 'ada@example.org' };
  expect(welcome('evt-1', customer)).toMatchObject({
    ...{ emailId: 'evt-1', customerId: 'ada', address: 'ada@example.org' },
    subject: 'Welcome, Ada',
  });
});

test('a pause is as long as the provider said, however often it has said so', () => {
  const wait = { kind: 'wait', because: 'quota', retryAfterMs: 7_000 } as const;
  expect([1, 9].map((failures) => pauseMs(wait, failures))).toEqual([7_000, 7_000]);
});

test('a provider that says nothing is asked less and less often, up to once a minute', () => {
  const wait = { kind: 'wait', because: 'away' } as const;
  const pauses = [1, 2, 3, 7, 100].map((failures) => pauseMs(wait, failures));
  expect(pauses).toEqual([1_000, 2_000, 4_000, 60_000, 60_000]);
});
