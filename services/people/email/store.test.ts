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
    expect(new Set(claimed).size).toBe(claimed.length);
    const rest = [await emails.claim(nowMs, nowMs + 10), await emails.claim(nowMs, nowMs + 10)];
    const all = [...claimed, ...rest.flatMap((email) => email?.emailId ?? [])];
    expect(all.sort()).toEqual(['a', 'b']);
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

  test('there is one pause, the last one', async () => {
    const pauses = createPauseStore(store);
    expect(await pauses.last()).toBeUndefined();
    await pauses.set({ untilMs: nowMs, because: 'rate', failures: 1 });
    await pauses.set({ untilMs: nowMs + 1, because: 'quota', failures: 0 });
    expect(await pauses.last()).toEqual({ untilMs: nowMs + 1, because: 'quota', failures: 0 });
  });
});
