import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Consul, createConsul } from '../../consul/client.ts';
import { MeshError } from '../../kernel/error.ts';
import { type ConsulServer, startConsul } from '../../testing/consul.ts';
import { type ConsulSecurity, consulSecurity } from '../../testing/consul-ca.ts';
import { eventually } from '../../testing/eventually.ts';
import { parseSpiffeId, type SpiffeId } from '../spiffe.ts';
import { openConsulIntentions } from './intentions.ts';

let server: ConsulServer;
let consul: Consul;
let operator: ConsulSecurity;
const id = (service: string): SpiffeId => {
  const parsed = parseSpiffeId(`spiffe://1.consul/ns/default/dc/dc1/svc/${service}`);
  if (parsed === undefined) throw new Error(service);
  return parsed;
};
const path = '/shop.payments.v1.PaymentsService/Charge';

beforeAll(async () => {
  server = await startConsul({ hcl: 'connect { enabled = true }' });
  consul = createConsul({ address: server.address });
  operator = consulSecurity(server.address);
}, 60_000);

afterAll(async () => {
  consul.close();
  await server.close();
});

test('what Consul says of callers holds at once, by its precedence, and goes on holding while it is away', async () => {
  const intentions = await openConsulIntentions({ consul, own: id('payments') });
  const may = (source: string): boolean => intentions.verdict(id(source), path).allowed;
  expect(may('orders')).toBe(true);
  await operator.intend('orders', 'payments', 'deny');
  await eventually(() => !may('orders'));
  expect(intentions.verdict(id('orders'), path).because).toBe(
    'the intention orders -> payments denies it',
  );
  expect(may('edge')).toBe(true);
  await operator.intend('*', 'payments', 'deny');
  await eventually(() => !may('edge'));
  await operator.intend('orders', 'payments', 'allow');
  await eventually(() => may('orders'));
  expect(may('edge')).toBe(false);
  await server.stop();
  expect([may('orders'), may('edge')]).toEqual([true, false]);
  await server.restart();
  await operator.forget('*', 'payments');
  await eventually(() => may('edge'), { withinMs: 20_000 });
  await intentions.close();
}, 60_000);

test('what holds without an intention is the default of the agent, and deny where it may not say it', async () => {
  const own = id('payments');
  const answer = (body: () => Promise<'allow' | 'deny'>): Consul => ({
    ...consul,
    async self() {
      return { node: 'n', datacenter: 'd', version: '1.22.7', intentionsByDefault: await body() };
    },
  });
  const refusal = new MeshError('403', { status: 'PERMISSION_DENIED', reason: 'CONSUL_DENIED' });
  const verdicts = [];
  for (const said of [() => Promise.resolve('deny' as const), () => Promise.reject(refusal)]) {
    const intentions = await openConsulIntentions({ consul: answer(said), own });
    verdicts.push(intentions.verdict(id('nobody-spoke-of'), path).allowed);
    await intentions.close();
  }
  expect(verdicts).toEqual([false, false]);
});
