/**
 * "What if the e-mail service throttles under many registrations?" Customers register faster than the provider takes
 * e-mails; once with a stream and a store between the two, once with a call in each registration.
 */
import { CustomersServiceDefinition } from '#gen/people/customers/v1/customers.ts';
import { EmailServiceDefinition } from '#gen/people/email/v1/email.ts';
import { MarketingServiceDefinition } from '#gen/people/marketing/v1/marketing.ts';
import { type Client, systemClock, z } from '#mesh';
import { eventually } from '../../mesh/testing/eventually.ts';
import { freePort } from '../../mesh/testing/ports.ts';
import { startProvider } from '../../services/people/provider/server.ts';
import { percentile } from '../suite/stats.ts';
import { type Claim, sources } from './claim.ts';
import { markdownTable } from './document.ts';
import type { Effort, Experiment } from './experiment.ts';
import { barChart } from './plot.ts';
import { openTroupe, type Troupe } from './troupe.ts';

const many = { full: 240, short: 90 };
const kills = { full: 6, short: 2 };
const ratePerSecond = 60;
/** What the provider takes; its day lasts a few seconds, so that some of them pass. */
const limits = { perSecond: 20, dailyQuota: 40, dayMs: 4000 };

interface Count {
  readonly registered: number;
  readonly registerP99Ms: number;
  readonly kills: number;
  readonly sent: number;
  readonly lost: number;
  readonly doubled: number;
  /** How often the provider said that it is too much. */
  readonly refusals: number;
  /** From the first registration until the last e-mail was sent. */
  readonly tookMs: number;
  /** With a call in each registration: customers without an e-mail. */
  readonly lostByCall: number;
  /** From the start of marketing until it knew everybody; undefined: it did not. */
  readonly joinedMs: number | undefined;
}

export const emails: Experiment = {
  name: 'emails',
  async run(say, effort) {
    const troupe = await openTroupe('people');
    try {
      const count = await play(troupe, say, effort);
      const none = { op: '<=', bar: 0, unit: 'e-mails' } as const;
      return {
        bars: [
          { name: 'emails-lost', value: count.lost, ...none },
          { name: 'emails-doubled', value: count.doubled, ...none },
        ],
        claims: claimsOf(count),
        data: count,
        charts: { emails: chart(count) },
        tables: { emails: table(count) },
      };
    } finally {
      await troupe.close();
    }
  },
};

async function play(troupe: Troupe, say: (text: string) => void, effort: Effort): Promise<Count> {
  const customers = troupe.client(CustomersServiceDefinition);
  const email = troupe.client(EmailServiceDefinition);
  const provider = await startStory(troupe);
  await eventually(() => email.getQueue({}), { withinMs: 30_000 });
  const begin = systemClock.monotonic();
  const registering = registerAll(customers, many[effort]);
  for (let n = 0; n < kills[effort]; n++) {
    await systemClock.sleep(700);
    say('kill -9 of email');
    await troupe.kill('email');
    troupe.start('email', { PROVIDER: provider, SEND_EVERY_MS: '50' });
    await eventually(() => email.getQueue({}), { withinMs: 30_000 });
  }
  const latencies = await registering;
  say(`${String(latencies.length)} customers; waiting for the last e-mail`);
  const settled = async (): Promise<boolean> => (await email.getQueue({})).sent >= latencies.length;
  // What is missing after that is counted, not waited for.
  await eventually(settled, { withinMs: 180_000, everyMs: 250 }).catch(() => undefined);
  const tookMs = Math.round(systemClock.monotonic() - begin);
  const taken = await takenBy(provider);
  const addresses = new Set(taken.addresses);
  say('the same by a call in each registration');
  const byCall = await callForEach(latencies.length);
  say('marketing joins');
  return {
    ...{ registered: latencies.length, registerP99Ms: Math.round(percentile(latencies, 0.99)) },
    ...{ kills: kills[effort], sent: addresses.size, refusals: taken.refusals, tookMs },
    lost: latencies.length - addresses.size,
    doubled: taken.addresses.length - addresses.size,
    lostByCall: byCall,
    joinedMs: await join(troupe, latencies.length),
  };
}

/** Gives the address of the provider. */
async function startStory(troupe: Troupe): Promise<string> {
  const port = String(await freePort());
  const provider = `http://127.0.0.1:${port}`;
  const { perSecond, dailyQuota, dayMs } = limits;
  troupe.start('provider', {
    ...{ PORT: port, PER_SECOND: String(perSecond) },
    ...{ DAILY_QUOTA: String(dailyQuota), DAY_MS: String(dayMs) },
  });
  troupe.start('customers');
  troupe.start('email', { PROVIDER: provider, SEND_EVERY_MS: '50' });
  return provider;
}

const addressOf = (n: number): string => `c-${String(n)}@example.org`;

/** At a steady rate; gives how long each registration took, in ms. */
async function registerAll(
  customers: Client<CustomersServiceDefinition>,
  count: number,
): Promise<number[]> {
  const registrations: Promise<number>[] = [];
  for (let n = 0; n < count; n++) {
    const begin = systemClock.monotonic();
    const customer = { customerId: `c-${String(n)}`, name: 'Ada', email: addressOf(n) };
    registrations.push(
      eventually(() => customers.register(customer), { withinMs: 30_000 }).then(
        () => systemClock.monotonic() - begin,
      ),
    );
    await systemClock.sleep(1000 / ratePerSecond);
  }
  return Promise.all(registrations);
}

const answerShape = z.object({
  emails: z.array(z.object({ to: z.string() })),
  refusals: z.object({ rate: z.number(), quota: z.number() }),
});

async function takenBy(provider: string): Promise<{ addresses: string[]; refusals: number }> {
  const page: unknown = await (await fetch(`${provider}/emails`)).json();
  const { emails: all, refusals } = answerShape.parse(page);
  return { addresses: all.map(({ to }) => to), refusals: refusals.rate + refusals.quota };
}

/** A provider with the same limits is called in each registration; gives how many e-mails it never took. */
async function callForEach(count: number): Promise<number> {
  const at = { host: '127.0.0.1', port: 0, clock: systemClock };
  const provider = await startProvider({ ...at, ...limits });
  try {
    let lost = 0;
    for (let n = 0; n < count; n++) {
      const { status } = await fetch(`${provider.url}/emails`, {
        ...{ method: 'POST', headers: { 'idempotency-key': String(n) } },
        body: JSON.stringify({ to: addressOf(n), subject: 'Welcome', text: 'Hello' }),
      });
      if (status !== 202) lost++;
      await systemClock.sleep(1000 / ratePerSecond);
    }
    return lost;
  } finally {
    await provider.close();
  }
}

/** Starts marketing for the first time; gives how long it took until it knew everybody. */
async function join(troupe: Troupe, customers: number): Promise<number | undefined> {
  const marketing = troupe.client(MarketingServiceDefinition);
  const begin = systemClock.monotonic();
  troupe.start('marketing');
  const knows = async (): Promise<boolean> =>
    (await marketing.getAudience({})).customerIds.length === customers;
  return eventually(knows, { withinMs: 60_000, everyMs: 50 }).then(
    () => Math.round(systemClock.monotonic() - begin),
    () => undefined,
  );
}

function claimsOf(count: Count): readonly Claim[] {
  const { registered, registerP99Ms, lost, doubled, refusals, tookMs, lostByCall } = count;
  const { joinedMs } = count;
  const source = sources.distributed;
  const { perSecond, dailyQuota, dayMs } = limits;
  const setup = `${String(registered)} customers register, ${String(ratePerSecond)} a second; the provider takes ${String(perSecond)} a second and ${String(dailyQuota)} a day of ${String(dayMs / 1000)} s.`;
  const seconds = (tookMs / 1000).toFixed(1);
  return [
    {
      claim: 'With a queue nobody who registers waits for a throttled e-mail, and none is lost.',
      ...{ source, setup: `${setup} kill -9 of email, ${String(count.kills)} times.` },
      result: `Registered within ${String(registerP99Ms)} ms at p99; all sent after ${seconds} s and ${String(refusals)} refusals; ${String(lost)} lost, ${String(doubled)} doubled.`,
      held: lost === 0 && doubled === 0 && registerP99Ms < 1000,
    },
    {
      claim: 'A call in each registration fails when the third service throttles.',
      ...{ source, setup: `${setup} It is called in each registration.` },
      result: `${String(lostByCall)} registrations are left without an e-mail.`,
      held: lostByCall > 0,
    },
    {
      claim: 'More consumers join without a change to the producer.',
      ...{ source, setup: 'Marketing is started for the first time when all have registered.' },
      result:
        joinedMs === undefined
          ? 'It did not learn of everybody.'
          : `It knows all ${String(registered)} after ${String(joinedMs)} ms; customers runs on untouched.`,
      held: joinedMs !== undefined,
    },
  ];
}

function table(count: Count): string {
  const { registered, registerP99Ms, kills: times, sent, lost, doubled, refusals } = count;
  return markdownTable(
    ['way', 'customers', 'registered, p99', 'kill -9', 'refusals', 'sent', 'lost', 'doubled'],
    [
      [
        ...['by a stream', registered, `${String(registerP99Ms)} ms`, times, refusals],
        ...[sent, lost, doubled],
      ],
      [
        ...['by a call each', registered, '', 0, count.lostByCall],
        ...[registered - count.lostByCall, count.lostByCall, 0],
      ],
    ],
  );
}

function chart({ registered, sent, lost, lostByCall }: Count): string {
  const row = (label: string, good: number, bad: number) => ({
    label,
    bars: [
      { ink: 'good' as const, value: good, text: String(good) },
      { ink: 'bad' as const, value: bad, text: String(bad) },
    ],
  });
  return barChart({
    title: 'Customers whose provider throttles',
    legend: [
      ['with a welcome', 'good'],
      ['without', 'bad'],
    ],
    rows: [
      row('by a stream and a store', sent, lost),
      row('by a call each', registered - lostByCall, lostByCall),
    ],
  });
}
