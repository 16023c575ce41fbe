/** The people of the story in one process: real sockets and stores, memory in place of Consul and NATS. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { CustomersServiceDefinition } from '#gen/people/customers/v1/customers.ts';
import { EmailServiceDefinition, EmailState } from '#gen/people/email/v1/email.ts';
import { MarketingServiceDefinition } from '#gen/people/marketing/v1/marketing.ts';
import { type AppTools, type Client, systemClock } from '#mesh';
import { errorOf } from '../../mesh/testing/error-of.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { createInProcessMesh, type InProcessMesh } from '../../mesh/testing/in-process.ts';
import { customersParts } from './customers/parts.ts';
import { customerMigrations } from './customers/store.ts';
import { emailParts } from './email/parts.ts';
import { type EmailDb, emailMigrations } from './email/store.ts';
import { marketingParts } from './marketing/parts.ts';
import { marketingMigrations } from './marketing/store.ts';
import { type Provider, startProvider } from './provider/server.ts';

let mesh: InProcessMesh;
let provider: Provider;
let customers: Client<CustomersServiceDefinition>;
let email: Client<EmailServiceDefinition>;

beforeEach(async () => {
  mesh = createInProcessMesh();
  const limits = { perSecond: 4, dailyQuota: 1000, dayMs: 86_400_000 };
  const at = { host: '127.0.0.1', port: 0, clock: systemClock };
  provider = await startProvider({ ...at, ...limits });
  const settings = { provider: provider.url, sendEveryMs: 20 };
  await mesh.start({
    ...{ name: 'customers', migrations: customerMigrations, build: customersParts },
  });
  await mesh.start({
    ...{ name: 'email', migrations: emailMigrations },
    build: (tools: AppTools<EmailDb>) => emailParts(tools, settings),
  });
  customers = mesh.client(CustomersServiceDefinition);
  email = mesh.client(EmailServiceDefinition);
});
afterEach(async () => {
  await mesh.close();
  await provider.close();
});

const register = (customerId: string, address = `${customerId}@example.org`) =>
  customers.register({ customerId, name: customerId, email: address });
const stateOf = async (customerId: string): Promise<EmailState | undefined> =>
  (await email.listEmails({ customerId })).emails[0]?.state;

test('each customer gets one welcome, whatever the provider says meanwhile', async () => {
  const ids = Array.from({ length: 9 }, (_, i) => `c-${String(i)}`);
  for (const id of ids) expect(await register(id)).toEqual({ isNew: true });
  expect(await register('c-0')).toEqual({ isNew: false });
  const late = { withinMs: 20_000 };
  await eventually(async () => (await email.getQueue({})).pausedBecause.includes('429'), late);
  await eventually(async () => (await email.getQueue({})).sent === 9, late);
  const answer = await fetch(`${provider.url}/emails`);
  const { emails } = (await answer.json()) as { emails: readonly { readonly to: string }[] };
  expect(emails.map(({ to }) => to).sort()).toEqual(ids.map((id) => `${id}@example.org`));
});

test('an address that there is not is refused, and told as such', async () => {
  await register('nobody', 'nobody@nowhere.invalid');
  await eventually(async () => (await stateOf('nobody')) === EmailState.REFUSED);
});

test('what is no address is not registered', async () => {
  expect((await errorOf(register('ada', 'at home'))).status).toBe('INVALID_ARGUMENT');
});

test('marketing, added later, knows those who registered before it; who leaves stays out', async () => {
  await register('ada');
  await register('bob');
  await eventually(async () => (await stateOf('bob')) === EmailState.SENT);
  await mesh.start({
    ...{ name: 'marketing', migrations: marketingMigrations, build: marketingParts },
  });
  const marketing = mesh.client(MarketingServiceDefinition);
  const audience = async (): Promise<string> =>
    (await marketing.getAudience({})).customerIds.join();
  await eventually(async () => (await audience()) === 'ada,bob');
  await marketing.leave({ customerId: 'ada' });
  await register('eve');
  await eventually(async () => (await audience()) === 'bob,eve');
});
