import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { systemClock } from '#mesh';
import { type Provider, startProvider } from './server.ts';

let provider: Provider;
beforeEach(async () => {
  // A second in which the clock stands still: what is full stays full.
  const clock = { ...systemClock, now: () => 1_200 };
  const limits = { perSecond: 2, dailyQuota: 1000, dayMs: 86_400_000 };
  provider = await startProvider({ host: '127.0.0.1', port: 0, clock, ...limits });
});
afterEach(() => provider.close());

const post = (key: string, to = 'ada@example.org'): Promise<Response> =>
  fetch(`${provider.url}/emails`, {
    ...{ method: 'POST', headers: { 'idempotency-key': key } },
    body: JSON.stringify({ to, subject: 'Welcome', text: 'Hello' }),
  });
const taken = async (): Promise<unknown> => (await fetch(`${provider.url}/emails`)).json();

test('an e-mail is taken once for each key, however often it is sent', async () => {
  expect([(await post('a')).status, (await post('a')).status]).toEqual([202, 202]);
  expect(await taken()).toMatchObject({ emails: [{ key: 'a', to: 'ada@example.org' }] });
});

test('what is too much is told when to come back, in whole seconds', async () => {
  for (const key of ['a', 'b']) await post(key);
  const refused = await post('c');
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
  expect(await taken()).toMatchObject({ refusals: { rate: 1, quota: 0 } });
});

test('what has no address is refused for good, and what is no e-mail is not understood', async () => {
  expect((await post('a', 'ada@nowhere.invalid')).status).toBe(422);
  const strange = await fetch(`${provider.url}/emails`, { method: 'POST', body: '{' });
  expect(strange.status).toBe(400);
});
