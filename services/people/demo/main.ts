/**
 * The demo of the people: customers register faster than the e-mail provider takes, more than it takes in a day; then
 * marketing is added, and knows them all. The provider's day lasts half a minute.
 */
import { CustomersServiceDefinition } from '#gen/people/customers/v1/customers.ts';
import { EmailServiceDefinition, EmailState } from '#gen/people/email/v1/email.ts';
import { MarketingServiceDefinition } from '#gen/people/marketing/v1/marketing.ts';
import { MeshError } from '#mesh';
import { play } from '../../stage/stage.ts';

const many = 30;
const patienceMs = 120_000;

await play('people', async (stage) => {
  const { say, client, until, weft, draw, traced, random, clock } = stage;
  const customers = client(CustomersServiceDefinition);
  const email = client(EmailServiceDefinition);
  const marketing = client(MarketingServiceDefinition);
  const run = random.hex(4);
  const ids = Array.from({ length: many }, (_, i) => `${run}-${String(i + 1)}`);

  const register = (customerId: string) =>
    customers.register({ customerId, name: 'Ada', email: `${customerId}@example.org` });
  const isSent = async (customerId: string): Promise<boolean> => {
    const { emails } = await email.listEmails({ customerId });
    return emails[0]?.state === EmailState.SENT;
  };
  /** Tells whenever sending pauses for another reason, until nothing waits. */
  const watch = async (): Promise<void> => {
    const end = clock.monotonic() + patienceMs;
    let said = '';
    for (;;) {
      const { waiting, sent, pausedBecause } = await email.getQueue({});
      const news = pausedBecause.replace(/^.*"error":"([^"]*)".*$/, '$1');
      if (news !== said && news !== '')
        say.line(`${String(sent)} sent, ${String(waiting)} wait: ${news}`);
      said = news;
      if (waiting === 0) return;
      if (clock.monotonic() > end) {
        const seconds = String(patienceMs / 1000);
        throw new MeshError(
          `${String(waiting)} e-mails still wait after ${seconds} s; look at: make logs S=email`,
          { status: 'DEADLINE_EXCEEDED' },
        );
      }
      await clock.sleep(100);
    }
  };

  say.chapter('1. A customer registers, and gets a welcome');
  const [first = '', ...others] = ids;
  const { traceId } = await traced(() => register(first));
  await until('the welcome is written', async () => {
    return (await email.listEmails({ customerId: first })).emails.length === 1;
  });
  await draw(traceId, { consumed: 1 });

  say.chapter('2. Many register; the provider takes 5 e-mails a second and 20 a day');
  await Promise.all(others.map(register));
  say.line(`${String(many)} have registered; nobody waited for an e-mail`);
  await watch();
  const sent = await Promise.all(ids.map(isSent));
  say.line(`${String(sent.filter(Boolean).length)} of ${String(many)} welcomes are sent`);

  say.chapter('3. Marketing is added: one more consumer, and nothing else changes');
  await weft('up', '--story', 'people', '--scale', 'marketing=1');
  await until('marketing knows them all', async () => {
    const known = new Set((await marketing.getAudience({})).customerIds);
    return ids.every((id) => known.has(id));
  });
  const { customerIds } = await marketing.getAudience({});
  say.line(`its audience are ${String(customerIds.length)} customers, those of before among them`);
});
