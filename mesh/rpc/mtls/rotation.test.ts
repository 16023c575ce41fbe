import { expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { createAuthority } from '../../testing/authority.ts';
import { eventually } from '../../testing/eventually.ts';
import { ask, askAll, laned, startRig } from '../../testing/mtls-rig.ts';

test.each(['TCP', 'a Unix socket'])(
  'certificates and roots are renewed twenty times under calls of every kind over %s, and none fails',
  async (road) => {
    const authority = createAuthority();
    const [server, client] = [authority.identity('inventory'), authority.identity('orders')];
    const rig = await startRig({ identity: server }, { unix: road !== 'TCP' });
    const connection = rig.connect(client);
    await laned(connection);
    const serials = new Set<string>();
    const failed: unknown[] = [];
    let going = true;
    let calls = 0;
    const call = async (): Promise<void> => {
      while (going) {
        await ask(connection).catch((thrown: unknown) => failed.push(thrown));
        calls++;
      }
    };
    const stream = async (): Promise<void> => {
      while (going) failed.push(...(await askAll(connection)).filter((each) => each !== 'OK'));
    };
    const working = [call(), call(), call(), call(), stream()];
    for (let turn = 0; turn < 20; turn++) {
      // The server's before the client's, and the other way round; each fourth time with another root.
      if (turn % 4 === 0) authority.addRoot();
      const order = turn % 2 === 0 ? [server, client] : [client, server];
      // Roots reach everybody before anybody has a certificate of them, as Consul sees to it.
      if (turn % 4 === 0) {
        for (const each of order) each.trust();
        await systemClock.sleep(50);
      }
      for (const each of order) {
        each.rotate();
        await systemClock.sleep(10);
      }
      serials.add(client.credentials.leaf.serial);
    }
    // What was before may go: everybody has come anew.
    authority.dropOldRoots();
    for (const each of [server, client]) each.rotate();
    serials.add(client.credentials.leaf.serial);
    const before = calls;
    await eventually(() => calls > before + 50);
    going = false;
    await Promise.all(working);
    expect(failed).toEqual([]);
    const shown = new Set(rig.seen.map(({ caller }) => caller?.serial));
    expect(shown.size).toBeGreaterThan(10);
    expect(rig.seen.at(-1)?.caller?.serial).toBe(client.credentials.leaf.serial);
    expect(connection.stats().laneCalls).toBeGreaterThan(0);
    await rig.close();
  },
  60_000,
);

test('a caller whose root is trusted no more is refused, and one that shows another is served at once', async () => {
  const authority = createAuthority();
  const [server, client] = [authority.identity('inventory'), authority.identity('orders')];
  const rig = await startRig({ identity: server });
  await ask(rig.connect(client));
  authority.addRoot();
  authority.dropOldRoots();
  server.rotate();
  client.trust();
  await expect(ask(rig.connect(client))).rejects.toMatchObject({
    status: 'UNAUTHENTICATED',
    reason: 'CERTIFICATE_REFUSED',
  });
  client.rotate();
  await ask(rig.connect(client));
  await rig.close();
});

test('calls on the way end on the connection on which they began, and the server drains as ever', async () => {
  const authority = createAuthority();
  const client = authority.identity('orders');
  const rig = await startRig({ identity: authority.identity('inventory') });
  const connection = rig.connect(client);
  await laned(connection);
  const many = Array.from({ length: 200 }, () => ask(connection));
  client.rotate();
  await Promise.all(many);
  await laned(connection);
  await rig.server.drain({ graceMs: 5000 });
  await rig.close();
});
