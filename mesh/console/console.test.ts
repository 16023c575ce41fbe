import { get, type IncomingMessage, request } from 'node:http';
import { Script } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AdminServiceDefinition } from '../../gen/weft/admin/v1/admin.ts';
import { createAdminService } from '../admin/service.ts';
import { createMemoryDiscovery } from '../discovery/memory.ts';
import { systemClock } from '../kernel/clock.ts';
import { type Closeable, closeAll } from '../kernel/lifecycle.ts';
import { createServer } from '../rpc/server/server.ts';
import { weftImage } from '../schema/image.ts';
import { createSpanRing } from '../telemetry/spans.ts';
import { createTelemetry } from '../telemetry/telemetry.ts';
import { eventually } from '../testing/eventually.ts';
import { startConsole } from './console.ts';
import type { InstanceFacts } from './sources.ts';

const opened: Closeable[] = [];
const { registry, resolver } = createMemoryDiscovery();
const spans = createSpanRing();
const traceId = '0af7651916cd43dd8448eb211c80319c';
const known: InstanceFacts[] = [];
let consulIsAway = false;
let url: string;

beforeAll(async () => {
  const identity = { service: 'orders', instanceId: 'orders-1' };
  const telemetry = createTelemetry({ clock: systemClock, ...identity });
  const server = createServer({ image: weftImage() });
  server.add(AdminServiceDefinition, createAdminService({ ...identity, spans, telemetry }));
  const at = await server.listen();
  await registry.register({ ...identity, ...at, metadata: {} });
  const address = `${at.host}:${String(at.port)}`;
  known.push({ id: 'orders-1', service: 'orders', address, health: 'passing', version: '1.0' });
  const served = await startConsole({
    everyMs: 50,
    sources: {
      services: () =>
        consulIsAway
          ? Promise.reject(new Error('connection refused'))
          : Promise.resolve(['orders', '%no-name']),
      instances: (services) =>
        Promise.resolve(known.filter(({ service }) => services.includes(service))),
      resolver,
    },
  });
  ({ url } = served);
  opened.push(server, telemetry, served);
});
afterAll(() => closeAll(opened.reverse()));

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

function ask(path: string, options: { method?: string; host?: string } = {}): Promise<Answer> {
  const { method = 'GET', host } = options;
  return new Promise((resolve, reject) => {
    const headers = host === undefined ? {} : { host };
    const asked = request(new URL(path, url), { method, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.once('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      });
    });
    asked.once('error', reject);
    asked.end();
  });
}

/** What /live has sent so far. */
function watch(): { readonly text: () => string; readonly leave: () => void } {
  let text = '';
  const asked = get(new URL('/live', url), (response) => {
    response.setEncoding('utf8').on('data', (part: string) => (text += part));
    response.once('error', () => undefined);
  });
  asked.once('error', () => undefined);
  return { text: () => text, leave: () => asked.destroy() };
}

describe('the console', () => {
  test('shows the mesh at once, before any script has run', async () => {
    const { status, body } = await ask('/');
    expect(status).toBe(200);
    expect(body).toMatch(/<b>orders-1<\/b> 127\.0\.0\.1:\d+ · version 1\.0 · passing/);
    for (const id of ['topology', 'services', 'calls', 'traces', 'events']) {
      expect(body).toContain(`<div id="${id}">`);
    }
  });

  test('asks nothing of anybody else: every address of the page is its own, and the policy says so', async () => {
    const { body, headers } = await ask('/');
    const addresses = [...body.matchAll(/(?:href|src)="([^"]*)"/g)].map(
      ([, address = '']) => address,
    );
    expect(addresses.length).toBeGreaterThan(5);
    expect(addresses.filter((address) => !/^[/#]/.test(address))).toEqual([]);
    expect(body).not.toMatch(/\sstyle=|<style|<script>/);
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
    for (const path of addresses.filter((address) => /^\/\w+\.\w+$/.test(address))) {
      expect({ path, status: (await ask(path)).status }).toEqual({ path, status: 200 });
    }
  });

  test('gives the browser a script without types', async () => {
    const { body, headers } = await ask('/console.js');
    expect(headers['content-type']).toContain('text/javascript');
    // Read, and not run.
    expect(new Script(body.replace(/export \{\};?/, ''))).toBeDefined();
  });

  test('answers to its own name alone, so that no page of another name reads it', async () => {
    expect((await ask('/', { host: 'evil.example' })).status).toBe(421);
    expect((await ask('/live', { host: 'evil.example:80' })).status).toBe(421);
    expect((await ask('/', { host: 'localhost:9999' })).status).toBe(200);
  });

  test('changes nothing: whatever is no GET is refused', async () => {
    const refused = await ask('/', { method: 'POST' });
    expect(refused).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
    expect((await ask('/', { method: 'HEAD' })).body).toBe('');
  });

  test('says what is not there', async () => {
    expect((await ask('/../etc/passwd')).status).toBe(404);
    expect((await ask('/traces/xyz')).status).toBe(404);
  });

  test('draws a trace as weft trace does, and lists it', async () => {
    spans.record({
      ...{ traceId, spanId: '00f067aa0ba902b7', kind: 'server', name: 'a.v1.A/Place' },
      ...{ startMs: systemClock.now(), durationUs: 1_500, status: 'OK', peer: '', attempts: 1 },
    });
    const { body } = await ask(`/traces/${traceId}`);
    expect(body).toContain('handled  A/Place  by orders-1  1.5 ms');
    expect(body).toMatch(/<rect x="0\.0" y="1" width="1000\.0"/);
    await eventually(async () => {
      expect((await ask('/')).body).toContain(`href="/traces/${traceId}"`);
    });
  });

  test('goes on by itself, and says what is old while Consul is away', async () => {
    const viewer = watch();
    try {
      await eventually(() => expect(viewer.text()).toContain('"topology"'));
      consulIsAway = true;
      await eventually(() => expect(viewer.text()).toContain('Consul does not answer'));
      // What does not depend on Consul is still asked and still answers.
      expect((await ask('/')).body).toMatch(/<b>orders-1<\/b>[^<]* passing/);
    } finally {
      consulIsAway = false;
      viewer.leave();
    }
  });

  test('a second one at the same port says so', async () => {
    const { port } = new URL(url);
    const sources = { services: async () => [], instances: async () => [], resolver };
    await expect(startConsole({ port: Number(port), sources })).rejects.toMatchObject({
      reason: 'CANNOT_LISTEN',
    });
  });
});
