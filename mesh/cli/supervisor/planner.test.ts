import { describe, expect, test } from '@jest/globals';
import type { MeshPlan } from './plan.ts';
import { planMesh, type Request } from './planner.ts';
import { meshFileSchema } from './schema.ts';

const file = meshFileSchema.parse({
  services: {
    gateway: { run: 'gateway.ts', port: 1, ports: { HTTP_PORT: 11 }, calls: ['orders'] },
    orders: { story: 'shop', run: 'orders.ts', port: 2, env: { PEER: 'at ${port.gateway}' } },
    ledger: { story: 'bank', command: ['ledger', '--consul', '${consul}'], port: 3, ready: 'tcp' },
  },
});

function plan(over: Partial<Request> = {}): MeshPlan {
  return planMesh({
    file,
    path: 'weft.yaml',
    site: { root: '/house', run: '/house/.run', portBase: 7300 },
    stories: ['all'],
    scale: {},
    identity: 'off',
    env: {},
    servers: {
      consul: { path: '/bin/consul', version: '1.8.7', source: 'path' },
      nats: { path: '/bin/nats-server', version: '2.15.1', source: 'path' },
    },
    ...over,
  });
}

const byId = (of: MeshPlan, id: string) => of.processes.find((process) => process.id === id);

describe('a plan', () => {
  test('gives a service its surroundings as variables', () => {
    expect(byId(plan(), 'orders#1')).toMatchObject({
      env: {
        MESH_CONSUL: 'http://127.0.0.1:7350',
        MESH_NATS: '127.0.0.1:7360',
        IDENTITY: 'off',
        HOST: '127.0.0.1',
        PORT: '7302',
        STORE: 'sqlite:.run/data/orders.db',
        LOG_LEVEL: 'info',
        INSTANCE_ID: 'orders-1',
        PEER: 'at 7301',
      },
      log: '/house/.run/logs/orders-1.log',
      ready: { kind: 'passing', service: 'orders', instanceId: 'orders-1' },
    });
  });

  test('gives fixed ports to the first instance only', () => {
    const scaled = plan({ scale: { gateway: 2 } });
    expect(byId(scaled, 'gateway#1')).toMatchObject({
      ports: [7301, 7311],
      env: { PORT: '7301', HTTP_PORT: '7311' },
    });
    expect(byId(scaled, 'gateway#2')).toMatchObject({
      ports: [],
      env: { PORT: '0', HTTP_PORT: '0', INSTANCE_ID: 'gateway-2' },
    });
  });

  test('has what belongs to the story, and what belongs to none', () => {
    const ids = (stories: string[]) => plan({ stories }).processes.map(({ id }) => id);
    expect(ids(['shop'])).toEqual(['consul', 'nats', 'gateway#1', 'orders#1']);
    expect(ids(['shop', 'bank'])).toContain('ledger#1');
    const shared = meshFileSchema.parse({
      services: { a: { story: ['shop', 'edge'], run: 'a.ts' }, b: { story: 'edge', run: 'b.ts' } },
    });
    const of = (story: string) =>
      plan({ file: shared, stories: [story] }).processes.map(({ service }) => service);
    expect(of('shop')).toContain('a');
    expect(of('shop')).not.toContain('b');
    expect(of('edge')).toEqual(expect.arrayContaining(['a', 'b']));
    expect(() => plan({ stories: ['tale'] })).toThrow(/no story tale; it has shop, bank, all/);
  });

  test('fills in what weft.yaml leaves to the environment', () => {
    const over = meshFileSchema.parse({
      services: { a: { run: 'a.ts', env: { STORE: '${env.A_STORE:-sqlite::memory:}' } } },
    });
    expect(byId(plan({ file: over }), 'a#1')?.env['STORE']).toBe('sqlite::memory:');
    const env = { A_STORE: 'postgres://here/a', LOG_LEVEL: 'debug' };
    expect(byId(plan({ file: over, env }), 'a#1')?.env).toMatchObject({
      STORE: 'postgres://here/a',
      LOG_LEVEL: 'debug',
    });
    expect(byId(plan(), 'ledger#1')?.command).toEqual([
      'ledger',
      '--consul',
      'http://127.0.0.1:7350',
    ]);
  });

  test('has a console where the file gives it a port, which starts before all and is told of Consul and NATS', () => {
    expect(plan().console).toBeUndefined();
    const shown = plan({ file: { ...file, console: { port: 70 } } });
    expect(shown.console).toBe('http://127.0.0.1:7370');
    const console = byId(shown, 'console');
    expect(console).toMatchObject({
      ...{ kind: 'tool', ports: [7370], ready: { kind: 'tcp', port: 7370 } },
      env: { MESH_CONSUL: 'http://127.0.0.1:7350', MESH_NATS: '127.0.0.1:7360' },
    });
    expect(console?.command.slice(-3)).toEqual(['console', '--port', '7370']);
  });

  test('refuses a template that names nothing, with what it could name', () => {
    const over = meshFileSchema.parse({ services: { a: { run: 'a.ts', env: { X: '${nast}' } } } });
    expect(() => plan({ file: over })).toThrow(
      /names nast, which nobody set; known: .*consul, nats/,
    );
  });

  test('refuses to count what nobody declared, or what has one port only', () => {
    expect(() => plan({ scale: { order: 3 } })).toThrow(/no service order; it has gateway, orders/);
    expect(() => plan({ scale: { ledger: 2 } })).toThrow(/ledger cannot run 2 times/);
  });

  test('speaks to each Consul in the words it knows', () => {
    const servers = (version: string): Partial<Request> => ({
      servers: {
        consul: { path: '/bin/consul', version, source: 'path' },
        nats: { path: '/bin/nats-server', version: '2.15.1', source: 'path' },
      },
    });
    const command = (version: string) => byId(plan(servers(version)), 'consul')?.command.join(' ');
    expect(command('1.8.7')).not.toContain('grpc_tls');
    expect(command('1.22.7')).toContain('ports { grpc_tls = -1 }');
  });
});
