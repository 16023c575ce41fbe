import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { PresenceServiceDefinition } from '#gen/chat/presence/v1/presence.ts';
import type { Client } from '#mesh';
import { eventually } from '../../../mesh/testing/eventually.ts';
import { createInProcessMesh, type InProcessMesh } from '../../../mesh/testing/in-process.ts';
import { presenceParts } from './parts.ts';
import { type PresenceDb, presenceMigrations } from './store.ts';

let mesh: InProcessMesh;
let presence: Client<PresenceServiceDefinition>;

beforeEach(async () => {
  mesh = createInProcessMesh();
  await mesh.start<PresenceDb>({
    ...{ name: 'presence', migrations: presenceMigrations, build: presenceParts },
  });
  presence = mesh.client(PresenceServiceDefinition);
});

afterEach(() => mesh.close());

const online = async (...userIds: string[]): Promise<boolean[]> =>
  (await presence.getPresence({ userIds })).users.map((user) => user.online);
const report = async (
  gatewayId: string,
  said: { came?: string[]; left?: string[]; whole?: boolean; leaseMs?: number },
): Promise<boolean> => {
  const whole = { came: [], left: [], whole: false, leaseMs: 10_000, ...said };
  return (await presence.report({ gatewayId, ...whole })).known;
};

test('who came to a gateway is there until the gateway says otherwise', async () => {
  expect(await report('g1', { came: ['ada', 'bob'], whole: true })).toBe(true);
  expect(await online('ada', 'bob', 'eve')).toEqual([true, true, false]);
  await report('g1', { came: ['eve'], left: ['ada'] });
  expect(await online('ada', 'bob', 'eve')).toEqual([false, true, true]);
  const [ada] = (await presence.getPresence({ userIds: ['ada'] })).users;
  expect(ada?.lastSeen).toBeDefined();
});

test('who left one gateway is there as long as another one has them', async () => {
  await report('g1', { came: ['ada'], whole: true });
  await report('g2', { came: ['ada'], whole: true });
  await report('g1', { left: ['ada'] });
  expect(await online('ada')).toEqual([true]);
});

test('a gateway that falls silent takes its users with it', async () => {
  await report('g1', { came: ['ada'], whole: true, leaseMs: 300 });
  expect(await online('ada')).toEqual([true]);
  await eventually(async () => !(await online('ada'))[0]);
});

test('of a gateway that is not known only the whole is taken', async () => {
  expect(await report('g1', { came: ['ada'] })).toBe(false);
  expect(await online('ada')).toEqual([false]);
  const many = Array.from({ length: 1000 }, (_, i) => `user-${String(i)}`);
  await report('g1', { came: many, whole: true });
  await report('g1', { came: ['ada'], whole: true });
  expect(await online('user-7', 'user-999', 'ada')).toEqual([false, false, true]);
});
