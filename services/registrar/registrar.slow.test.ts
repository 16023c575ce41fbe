/**
 * Both ways of discovery end to end: greeters that know nothing of Consul, a registrar that registers them, and two
 * callers: one that asks Consul itself, and one that knows only a proxy, which asks Consul's DNS.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { GreeterServiceDefinition } from '#gen/registrar/greeter/v1/greeter.ts';
import { RegistrarServiceDefinition } from '#gen/registrar/registrar/v1/registrar.ts';
import type { Client } from '#mesh';
import { eventually } from '../../mesh/testing/eventually.ts';
import { openRegistrarGround, type RegistrarGround } from '../../mesh/testing/registrar-ground.ts';

const patience = { withinMs: 60_000, everyMs: 50 };
let ground: RegistrarGround;
let direct: Client<GreeterServiceDefinition>;
let proxied: Client<GreeterServiceDefinition>;
let registrar: Client<RegistrarServiceDefinition>;

beforeAll(async () => {
  ground = await openRegistrarGround();
  ({ direct, proxied } = ground);
  registrar = ground.rig.client(RegistrarServiceDefinition);
}, 120_000);
afterAll(() => ground.close(), 60_000);

const greeters = async (client: Client<GreeterServiceDefinition>): Promise<Set<string>> => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => client.greet({ name: 'ada' })),
  );
  return new Set(answers.map(({ greetedBy }) => greetedBy));
};
const seenBoth = async (client: Client<GreeterServiceDefinition>): Promise<boolean> =>
  (await greeters(client)).size === 2;
const registered = async (): Promise<number> =>
  (await registrar.listWatched({})).watched.filter((each) => each.registered).length;

test('greeters that know nothing of Consul are registered and found, both ways', async () => {
  await eventually(async () => (await registered()) === 2, patience);
  await eventually(() => seenBoth(direct), patience);
  await eventually(() => seenBoth(proxied), patience);
  const { text } = await proxied.greet({ name: 'ada' });
  expect(text).toBe('Hello, ada');
}, 60_000);

test('one that is killed is taken out and one that is back is in again, for both', async () => {
  await ground.rig.kill('greeter-a');
  await eventually(async () => (await registered()) === 1, patience);
  for (const client of [direct, proxied]) {
    await eventually(async () => (await greeters(client)).size === 1, patience);
  }
  ground.startGreeter('greeter-a');
  await eventually(() => seenBoth(direct), patience);
  await eventually(() => seenBoth(proxied), patience);
}, 90_000);

test('a registrar that is down takes out nobody who is alive', async () => {
  await ground.rig.kill('registrar');
  await ground.rig.kill('greeter-b');
  await eventually(async () => {
    const seen = await greeters(proxied);
    return seen.size === 1 && seen.has('greeter-a');
  }, patience);
  expect((await direct.greet({ name: 'ada' })).greetedBy).toBe('greeter-a');
}, 90_000);
