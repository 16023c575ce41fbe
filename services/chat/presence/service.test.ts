import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { PresenceServiceDefinition } from '#gen/chat/presence/v1/presence.ts';
import type { Client, Store } from '#mesh';
import { onEachDialect } from '../../../mesh/testing/databases.ts';
import { eventually } from '../../../mesh/testing/eventually.ts';
import { createInProcessMesh, type InProcessMesh } from '../../../mesh/testing/in-process.ts';
import { presenceParts } from './parts.ts';
import { createRoll, type PresenceDb, presenceMigrations } from './store.ts';

onEachDialect((urlOf) => {
  let mesh: InProcessMesh;
  let presence: Client<PresenceServiceDefinition>;
  let store: Store<PresenceDb>;

  beforeEach(async () => {
    mesh = createInProcessMesh();
    for (let instance = 1; instance <= 2; instance++) {
      ({ store } = await mesh.start<PresenceDb>({
        ...{ name: 'presence', store: await urlOf('presence') },
        ...{ migrations: presenceMigrations, build: presenceParts },
      }));
    }
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

  test('a whole report that comes twice at once is taken twice', async () => {
    for (let round = 1; round <= 10; round++) {
      const gatewayId = `g${String(round)}`;
      const reports = [1, 2, 3, 4].map(() => report(gatewayId, { came: ['ada'], whole: true }));
      expect(await Promise.all(reports)).toEqual([true, true, true, true]);
    }
  });

  test('who was seen leaving was not seen earlier because another gateway fell silent before', async () => {
    const roll = createRoll(store);
    // Later than the service itself strikes off.
    const then = Date.now() + 3_600_000;
    const said = { came: ['ada'], left: [], whole: true };
    await roll.report({ ...said, gatewayId: 'silent', untilMs: then + 100 }, then);
    await roll.report({ ...said, gatewayId: 'g1', untilMs: then + 500 }, then);
    const left = { came: [], left: ['ada'], whole: false };
    await roll.report({ ...left, gatewayId: 'g1', untilMs: then + 500 }, then + 150);
    await roll.tidy(then + 200);
    expect(await roll.presence(['ada'], then + 200)).toMatchObject([{ lastSeenMs: then + 150 }]);
  });

  test('of a gateway that is not known only the whole is taken', async () => {
    expect(await report('g1', { came: ['ada'] })).toBe(false);
    expect(await online('ada')).toEqual([false]);
    const many = Array.from({ length: 1000 }, (_, i) => `user-${String(i)}`);
    await report('g1', { came: many, whole: true });
    await report('g1', { came: ['ada'], whole: true });
    expect(await online('user-7', 'user-999', 'ada')).toEqual([false, false, true]);
  });
});
