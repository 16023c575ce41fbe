import { beforeEach, expect, test } from '@jest/globals';
import type { Store } from '#mesh';
import { onEachDatabase } from '../../../mesh/testing/databases.ts';
import { createPauseStore } from './pauses.ts';
import { createEmailStore, type EmailDb, type EmailStore, emailMigrations } from './store.ts';
import { welcome } from './welcome.ts';

/** Later than 32 bits hold, as wall time is. */
const nowMs = 1_800_000_000_000;

onEachDatabase<EmailDb>(emailMigrations, (database) => {
  let store: Store<EmailDb>;
  let emails: EmailStore;
  beforeEach(async () => {
    store = await database.open();
    emails = createEmailStore(store);
  });

  const add = (emailId: string): Promise<void> => {
    const customer = { customerId: 'ada', name: 'Ada', email: 'ada@example.org' };
    return store.transaction((tx) => emails.add(tx, welcome(emailId, customer)));
  };

  test('an e-mail stands once, waits, and is nobody else’s while somebody is at it', async () => {
    await add('a');
    await add('a');
    await add('b');
    const claims = [1, 2, 3].map(() => emails.claim(nowMs, nowMs + 10));
    const claimed = (await Promise.all(claims)).flatMap((email) => email?.emailId ?? []);
    expect(claimed.sort()).toEqual(['a', 'b']);
    expect((await emails.claim(nowMs + 10, nowMs + 20))?.emailId).toBe('a');
  });

  test('what was tried is counted, and what was sent is claimed by nobody', async () => {
    await add('a');
    await emails.tried('a', 'waiting');
    await emails.tried('a', 'sent');
    expect(await emails.claim(nowMs, nowMs + 10)).toBeUndefined();
    expect(await emails.listOf('ada')).toMatchObject([{ emailId: 'a', state: 'sent', tries: 2 }]);
    expect(await emails.counts()).toEqual({ waiting: 0, sent: 1, refused: 0 });
  });

  test('many who claim at once get an e-mail each, for none is claimed twice and none is left', async () => {
    const ids = Array.from({ length: 16 }, (_, i) => `e-${String(i + 10)}`);
    for (const id of ids) await add(id);
    const elsewhere = createEmailStore(await database.open());
    const claims = ids.map((_, i) => (i % 2 === 0 ? emails : elsewhere).claim(nowMs, nowMs + 10));
    const claimed = (await Promise.all(claims)).map((email) => email?.emailId);
    expect(claimed.sort()).toEqual(ids);
  });

  test('what was sent is not sent again because somebody slow comes back without success', async () => {
    await add('a');
    await emails.claim(nowMs, nowMs + 10);
    await emails.claim(nowMs + 10, nowMs + 20);
    await emails.tried('a', 'sent');
    await emails.tried('a', 'waiting');
    expect(await emails.claim(nowMs + 30, nowMs + 40)).toBeUndefined();
    expect(await emails.counts()).toEqual({ waiting: 0, sent: 1, refused: 0 });
  });

  test('there is one pause, the last one, and a shorter one does not end it', async () => {
    const pauses = createPauseStore(store);
    expect(await pauses.last()).toBeUndefined();
    await pauses.set({ untilMs: nowMs, because: 'rate', failures: 1 });
    await pauses.set({ untilMs: nowMs + 1, because: 'quota', failures: 0 });
    expect(await pauses.last()).toEqual({ untilMs: nowMs + 1, because: 'quota', failures: 0 });
    await pauses.set({ untilMs: nowMs, because: 'rate', failures: 1 });
    expect(await pauses.last()).toMatchObject({ because: 'quota' });
  });
});
