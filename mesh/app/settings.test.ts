import { userInfo } from 'node:os';
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { MeshError } from '../kernel/error.ts';
import { readSettings } from './settings.ts';

test('an empty environment gives the defaults of a process beside a local agent', () => {
  expect(readSettings({ UNIX_SOCKETS: '/run/weft' })).toEqual({
    consul: 'http://127.0.0.1:8500',
    nats: [],
    relay: 'poll',
    natsReplicas: 1,
    host: '127.0.0.1',
    port: 0,
    store: 'sqlite::memory:',
    durability: 'normal',
    logLevel: 'info',
    instanceId: undefined,
    drainSpreadMs: 2000,
    identity: 'off',
    lane: true,
    sockets: '/run/weft',
    metricsPort: 0,
    zone: undefined,
    version: undefined,
    collector: undefined,
  });
  // A folder of one's own: what others may write to could be the socket of an impostor.
  expect(readSettings({}).sockets).toContain(`weft-${String(userInfo().uid)}`);
});

test('each short cut and each port can be switched off', () => {
  const settings = readSettings({ LANE: '0', UNIX_SOCKETS: 'off', METRICS_PORT: 'off' });
  expect(settings).toMatchObject({ lane: false, sockets: undefined, metricsPort: undefined });
  expect(() => readSettings({ LANE: 'no' })).toThrow(/LANE.*"no"/);
});

test('a list is split at commas, and an empty variable counts as not said', () => {
  const settings = readSettings({ MESH_NATS: 'a:4222, b:4222,', PORT: '' });
  expect(settings.nats).toEqual(['a:4222', 'b:4222']);
  expect(settings.port).toBe(0);
});

test("a service's own settings are typed and stand beside the common ones", () => {
  const settings = readSettings({ PICK_LEASE_MS: '500' }, { PICK_LEASE_MS: z.coerce.number() });
  const lease: number = settings.PICK_LEASE_MS;
  expect(lease).toBe(500);
});

test('every fault is reported at once, with what was found', () => {
  const read = (): unknown =>
    readSettings(
      { PORT: 'http', MESH_CONSUL: 'nowhere', STORE: 'mysql://x', LIMIT: 'x' },
      {
        LIMIT: z.coerce.number(),
      },
    );
  expect(read).toThrow(MeshError);
  expect(read).toThrow(/PORT: use a number from 0 to 65535; 0 is any free port \(found "http"\)/);
  expect(read).toThrow(/MESH_CONSUL: use the URL of an agent, as http:\S+ \(found "nowhere"\)/);
  expect(read).toThrow(/STORE.*sqlite:/);
  expect(read).toThrow(/LIMIT.*"x"/);
});

test("a collector is known by OpenTelemetry's own variables", () => {
  const { collector } = readSettings({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example/otlp',
    OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Basic%20a2V5, x-scope=shop,',
  });
  expect(collector).toEqual({
    url: 'https://collector.example/otlp/v1/traces',
    headers: { authorization: 'Basic a2V5', 'x-scope': 'shop' },
  });
});

test.each(['Authorization: Bearer secret', 'x=%zz-secret', 'x=a%0Asecret'])(
  'headers of a collector that cannot be read are not repeated: %s',
  (headers) => {
    const read = (): unknown => readSettings({ OTEL_EXPORTER_OTLP_HEADERS: headers });
    expect(read).toThrow(/OTEL_EXPORTER_OTLP_HEADERS: use name=value/);
    expect(read).not.toThrow(/secret/);
  },
);
