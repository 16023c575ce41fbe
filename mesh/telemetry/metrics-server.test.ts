import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type MetricsServer, startMetricsServer } from './metrics-server.ts';

let server: MetricsServer;
let url: string;

beforeAll(async () => {
  server = await startMetricsServer({ registry: { expose: () => 'weft_x 1\n' } });
  url = `http://127.0.0.1:${server.port}`;
});

afterAll(async () => {
  await server.close();
  await server.close();
});

test('GET /metrics is the text format of Prometheus, and the connection ends with it', async () => {
  const response = await fetch(`${url}/metrics?format=x`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(response.headers.get('connection')).toBe('close');
  expect(await response.text()).toBe('weft_x 1\n');
});

test('anything else is refused in a sentence', async () => {
  const other = await fetch(`${url}/`);
  expect([other.status, await other.text()]).toEqual([404, 'GET /metrics is all there is here\n']);
  const post = await fetch(`${url}/metrics`, { method: 'POST', body: 'x' });
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  const head = await fetch(`${url}/metrics`, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});

test('a port that is taken is said with what to do', async () => {
  await expect(
    startMetricsServer({ registry: { expose: () => '' }, port: server.port }),
  ).rejects.toMatchObject({
    reason: 'CANNOT_LISTEN',
    message: expect.stringContaining('0 for any'),
  });
});

test('close does not wait for a connection that says nothing', async () => {
  const quiet = await startMetricsServer({ registry: { expose: () => '' } });
  const socket = connect(quiet.port, quiet.host);
  await once(socket, 'connect');
  const gone = once(socket, 'close');
  await quiet.close();
  await gone;
});
