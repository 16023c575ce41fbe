import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Identity } from '../../identity/identity.ts';
import { MeshError } from '../../kernel/error.ts';
import { type Status, statusName } from '../../kernel/status.ts';
import { type Authority, createAuthority, type LeafRequest } from '../../testing/authority.ts';
import { eventually } from '../../testing/eventually.ts';
import { ask, askAll, laned, type Rig, startRig } from '../../testing/mtls-rig.ts';
import type { RefusedCaller } from './authorize.ts';

let authority: Authority;
let rig: Rig;
let refused: RefusedCaller[];
const sessions: ClientHttp2Session[] = [];

beforeEach(async () => {
  authority = createAuthority();
  refused = [];
  const identity = authority.identity('inventory');
  rig = await startRig({ identity, onRefused: (each) => refused.push(each) }, { unix: true });
});

afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy();
  await rig.close();
});

/** A caller who believes this server whatever it shows, and shows what is wanted. */
function strangerWith(
  shown: Pick<Identity['credentials']['leaf'], 'certificates' | 'key'> | undefined,
) {
  const session = connect(`https://127.0.0.1:${String(rig.port)}`, {
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
    ...(shown && { cert: shown.certificates, key: shown.key }),
  });
  session.on('error', () => undefined);
  sessions.push(session);
  return (path: string, headers: Record<string, string> = {}): Promise<Status> =>
    new Promise((resolve, reject) => {
      const stream = session.request({
        ...{ ':method': 'POST', ':path': path, te: 'trailers' },
        ...{ 'content-type': 'application/grpc', ...headers },
      });
      const take = (received: Record<string, unknown>): void => {
        const code = received['grpc-status'];
        if (code !== undefined) resolve(statusName(Number(code)));
      };
      stream.on('response', take);
      stream.on('trailers', take);
      stream.on('error', reject);
      stream.resume();
      stream.end(Buffer.alloc(5));
    });
}

/** One of each kind that a server has: unary, streams, lane, reflection, admin, health, and what there is not. */
const paths = [
  '/shop.inventory.v1.InventoryService/GetStock',
  '/shop.inventory.v1.InventoryService/ImportStock',
  '/shop.warehouse.v1.WarehouseService/PickOrders',
  '/weft.lane.v1.LaneService/Exchange',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.health.v1.Health/Watch',
  '/grpc.health.v1.Health/List',
  '/no.such.v1.Service/Method',
];

describe('a caller who proves to be nobody', () => {
  const service = (request: LeafRequest) => () => authority.issue('orders', request);
  const foreign = () => createAuthority({ trustDomain: authority.trustDomain }).issue('orders');

  test.each<[string, () => Parameters<typeof strangerWith>[0]]>([
    ['shows no certificate', () => undefined],
    ['has one of another CA with the same names', foreign],
    ['has one that expired a second ago', service({ lifeMs: -1000 })],
    [
      'has two names',
      () => authority.issue('orders', { uris: ['orders', 'admin'].map(authority.uriOf) }),
    ],
    ['has a DNS name and no URI', service({ uris: [], names: ['orders'] })],
    [
      'is of another trust domain',
      service({ uris: ['spiffe://other.consul/ns/default/dc/dc1/svc/orders'] }),
    ],
    [
      'is an agent of Consul and no service',
      service({ uris: ['spiffe://x.consul/agent/client/dc/dc1/id/a'] }),
    ],
  ])(
    'because it %s is refused in every kind of call, and no handler hears of it',
    async (what, shown) => {
      const leaf = shown();
      const call = strangerWith(leaf);
      for (const path of paths) expect([path, await call(path)]).toEqual([path, 'UNAUTHENTICATED']);
      expect(
        await call(paths[0] ?? '', {
          'x-forwarded-client-cert': `URI=${authority.uriOf('admin')}`,
        }),
      ).toBe('UNAUTHENTICATED');
      expect(rig.seen).toEqual([]);
      const reason = what === 'shows no certificate' ? 'NO_CERTIFICATE' : 'CERTIFICATE_REFUSED';
      expect(new Set(refused.map((each) => each.reason))).toEqual(new Set([reason]));
      // What Consul's agent asks, which shows no certificate.
      expect(await call('/grpc.health.v1.Health/Check')).toBe('OK');
    },
  );

  test('is told what is wrong with its certificate', async () => {
    const expired = authority.identity('orders', { lifeMs: 2500 });
    const connection = rig.connect(expired);
    await ask(connection);
    const told = async (): Promise<MeshError> => {
      try {
        await ask(connection);
      } catch (thrown) {
        const error = MeshError.from(thrown);
        if (error.reason === 'CERTIFICATE_REFUSED') return error;
      }
      throw new Error('not refused');
    };
    const error = await eventually(told);
    expect(error).toMatchObject({ status: 'UNAUTHENTICATED' });
    expect(error.message).toMatch(/it ended at .*, after the connection was made; connect anew/);
    // By its own look at the clock it makes no new connection either.
    await expect(ask(rig.connect(expired))).rejects.toThrow(
      /certificate of .*svc\/orders ended at/,
    );
    await expect(ask(rig.connect(expired))).rejects.toMatchObject({ reason: 'IDENTITY_EXPIRED' });
  });

  test('that speaks no TLS gets no answer at all, on the port or on the Unix socket', async () => {
    const answers = (socket: ReturnType<typeof connectTcp>): Promise<number> =>
      new Promise((resolve) => {
        let bytes = 0;
        socket.on('data', (piece: Buffer) => {
          // An alert of TLS is seven bytes.
          bytes += piece[0] === 21 ? 0 : piece.length;
        });
        socket.on('error', () => undefined);
        socket.once('close', () => resolve(bytes));
        socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');
      });
    expect(await answers(connectTcp(rig.port, '127.0.0.1'))).toBe(0);
    expect(await answers(connectTcp(rig.endpoint.metadata['weft-unix'] ?? ''))).toBe(0);
    await expect(ask(rig.connect(undefined))).rejects.toMatchObject({ status: 'UNAVAILABLE' });
    expect(rig.seen).toEqual([]);
  });

  test('that speaks old TLS, or another protocol within it, is not served', async () => {
    const { certificates: cert, key } = authority.issue('orders');
    const common = { host: '127.0.0.1', port: rig.port, rejectUnauthorized: false, cert, key };
    const ends = (options: object): Promise<string> =>
      new Promise((resolve) => {
        const socket = connectTls({ ...common, ...options });
        socket.once('error', () => undefined);
        socket.once('close', () => resolve('closed'));
        socket.resume();
      });
    expect(await ends({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ALPNProtocols: ['h2'] })).toBe(
      'closed',
    );
    expect(await ends({ ALPNProtocols: ['http/1.1'] })).toBe('closed');
    expect(await ends({})).toBe('closed');
  });
});

describe('a server that is not who was called', () => {
  test.each<[string, () => Identity, string]>([
    ['is another service', () => authority.identity('payments'), 'it is of "payments"'],
    [
      'has two names',
      () => {
        const uris = ['inventory', 'payments'].map(authority.uriOf);
        const [one] = uris;
        const identity = authority.identity('inventory');
        const raw = authority.issue('inventory', { uris });
        Object.assign(identity.credentials.leaf, {
          ...raw,
          id: { ...identity.credentials.leaf.id, uri: one },
        });
        return identity;
      },
      'it has 2 URIs',
    ],
    [
      'is of another trust domain',
      () => {
        const uris = ['spiffe://other.consul/ns/default/dc/dc1/svc/inventory'];
        return authority.identity('inventory', { uris });
      },
      'of the trust domain other.consul',
    ],
    [
      'is of another CA',
      () => createAuthority({ trustDomain: authority.trustDomain }).identity('inventory'),
      'no connection',
    ],
    [
      'has expired',
      () => authority.identity('inventory', { lifeMs: -1000 }),
      'no connection: certificate has expired',
    ],
  ])('because it %s is sent nothing', async (_, identity, why) => {
    const impostor = await startRig({ identity: identity() });
    const error = await ask(impostor.connect(authority.identity('orders'))).then(
      () => undefined,
      MeshError.from,
    );
    expect(error).toMatchObject({ status: 'UNAVAILABLE' });
    expect(error?.message).toContain(why);
    expect(impostor.seen).toEqual([]);
    await impostor.close();
  });

  test('because it speaks no TLS is sent nothing: there is no way back to plaintext', async () => {
    const plaintext = await startRig({});
    await expect(ask(plaintext.connect(authority.identity('orders')))).rejects.toMatchObject({
      status: 'UNAVAILABLE',
    });
    expect(plaintext.seen).toEqual([]);
    await plaintext.close();
  });
});

describe('a caller with a certificate of the mesh', () => {
  test.each(['TCP', 'a Unix socket'])(
    'is served in all kinds over %s, and handlers know who it is',
    async (road) => {
      const metadata = road === 'TCP' ? { 'weft-lane': '1' } : rig.endpoint.metadata;
      const connection = rig.connect(authority.identity('orders'), { metadata });
      expect(await askAll(connection)).toEqual(['OK', 'OK', 'OK']);
      await laned(connection);
      const before = rig.seen.length;
      await ask(connection, { metadata: { 'x-caller': 'admin' } });
      expect(connection.stats().laneCalls).toBeGreaterThan(0);
      for (const { caller, peer } of rig.seen) {
        expect(caller?.id).toMatchObject({ service: 'orders', uri: authority.uriOf('orders') });
        expect(peer.startsWith('unix')).toBe(road !== 'TCP');
      }
      expect(rig.seen.length).toBe(before + 1);
      expect(refused).toEqual([]);
    },
  );

  test('is nobody to a server without an identity', async () => {
    const open = await startRig({});
    await ask(open.connect(undefined));
    expect(open.seen.map(({ caller }) => caller)).toEqual([undefined]);
    await open.close();
  });
});
