/**
 * The people end to end: customers, email and the provider as `weft up` runs them, a real Consul and a real nats-server;
 * email is killed while it sends, the provider's day is full and turns, and marketing is added at the end.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { CustomersServiceDefinition } from '#gen/people/customers/v1/customers.ts';
import { EmailServiceDefinition } from '#gen/people/email/v1/email.ts';
import { MarketingServiceDefinition } from '#gen/people/marketing/v1/marketing.ts';
import {
  type Client,
  closeClient,
  createClient,
  createConsul,
  createConsulDiscovery,
  z,
} from '#mesh';
import { type ConsulServer, startConsul } from '../../mesh/testing/consul.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { type NatsServer, startNats } from '../../mesh/testing/nats.ts';
import { freePort } from '../../mesh/testing/ports.ts';
import { type ServiceProcess, startServiceProcess } from '../../mesh/testing/service-process.ts';

type Name = 'customers' | 'email' | 'marketing' | 'provider';
const patience = { withinMs: 60_000, everyMs: 100 };
/** A day of the provider. */
const dayMs = 6_000;
let folder: string;
let consul: ConsulServer;
let nats: NatsServer;
let provider: string;
let discovery: ReturnType<typeof createConsulDiscovery>;
let customers: Client<CustomersServiceDefinition>;
let email: Client<EmailServiceDefinition>;
let marketing: Client<MarketingServiceDefinition>;
const processes = new Map<Name, ServiceProcess>();

function start(name: Name): void {
  const mesh = { MESH_CONSUL: consul.address, MESH_NATS: nats.url, PROVIDER: provider };
  const limits = { PER_SECOND: '20', DAILY_QUOTA: '10', DAY_MS: String(dayMs) };
  const env = {
    ...{ ...mesh, ...limits, STORE: `sqlite:${join(folder, `${name}.db`)}` },
    ...{ SEND_EVERY_MS: '50', ...(name === 'provider' && { PORT: new URL(provider).port }) },
  };
  processes.set(name, startServiceProcess(join(import.meta.dirname, name, 'main.ts'), env));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-people-'));
  [consul, nats] = await Promise.all([startConsul(), startNats()]);
  provider = `http://127.0.0.1:${String(await freePort())}`;
  discovery = createConsulDiscovery({ consul: createConsul({ address: consul.address }) });
  const { resolver } = discovery;
  customers = createClient(CustomersServiceDefinition, { resolver });
  email = createClient(EmailServiceDefinition, { resolver });
  marketing = createClient(MarketingServiceDefinition, { resolver });
  for (const name of ['customers', 'email'] as const) start(name);
  await eventually(() => email.getQueue({}), patience);
  await eventually(() => register('c-00'), patience);
}, 90_000);

afterAll(async () => {
  await Promise.all([...processes.values()].map((process) => process.close()));
  await Promise.all([customers, email, marketing].map(closeClient));
  await discovery.close();
  await Promise.all([consul.close(), nats.close()]);
  await rm(folder, { recursive: true, force: true });
}, 60_000);

const register = (customerId: string): Promise<unknown> =>
  customers.register({ customerId, name: customerId, email: `${customerId}@example.org` });
// So many that days are full also after one that a restart took in part.
const ids = Array.from({ length: 35 }, (_, i) => `c-${String(i).padStart(2, '0')}`);
const queue = () => email.getQueue({});
const answerShape = z.object({
  emails: z.array(z.object({ to: z.string() })),
  refusals: z.object({ rate: z.number(), quota: z.number() }),
});
const provided = async (): Promise<z.infer<typeof answerShape>> =>
  answerShape.parse(await (await fetch(`${provider}/emails`)).json());

const streamsShape = z.object({
  account_details: z.array(
    z.object({
      stream_detail: z.array(
        z.object({ name: z.string(), consumer_detail: z.array(z.object({ name: z.string() })) }),
      ),
    }),
  ),
});
/** The durable consumers of a channel, as the broker knows them. */
const consumersOf = async (channel: string): Promise<string[]> => {
  const page = await (await fetch(`${nats.monitor}/jsz?consumers=true`)).json();
  const streams = streamsShape.parse(page).account_details.flatMap((it) => it.stream_detail);
  const found = streams.filter(({ name }) => name === channel);
  return found.flatMap(({ consumer_detail }) => consumer_detail.map(({ name }) => name));
};

test('while the provider is away e-mails wait, and nobody who registers does', async () => {
  for (const id of ids.slice(1)) await register(id);
  await eventually(async () => (await queue()).pausedBecause.includes('does not answer'), patience);
  await eventually(async () => (await queue()).waiting === ids.length, patience);
});

test('more than the provider takes in a day is sent over days, also by one who was killed', async () => {
  start('provider');
  await eventually(async () => (await queue()).sent > 0, patience);
  const dying = processes.get('email');
  dying?.child.kill('SIGKILL');
  if (dying?.child.exitCode === null) await once(dying.child, 'exit');
  start('email');
  await eventually(async () => (await queue()).pausedBecause.includes('quota'), patience);
  expect((await queue()).waiting).toBeGreaterThan(0);
  await eventually(async () => (await queue()).sent === ids.length, patience);
  const { emails, refusals } = await provided();
  expect(emails.map(({ to }) => to).sort()).toEqual(ids.map((id) => `${id}@example.org`));
  // It waits as it is told: a few that were on their way each time, not one for each look.
  expect(refusals.quota).toBeGreaterThan(0);
  expect(refusals.quota).toBeLessThan(40);
}, 120_000);

test('marketing is added as one more consumer, and hears of those who came before it', async () => {
  start('marketing');
  await eventually(async () => {
    return (await marketing.getAudience({})).customerIds.length === ids.length;
  }, patience);
  const names = await consumersOf('people-customers');
  expect(names.sort()).toEqual(['email', 'marketing']);
  await register('newcomer');
  await eventually(async () => {
    return (await marketing.getAudience({})).customerIds.includes('newcomer');
  }, patience);
}, 90_000);
