import { expect, test } from '@jest/globals';
import type { BalancerEvent } from '../balance/balancer.ts';
import type { Endpoint } from '../kernel/endpoint.ts';
import { createBalancerEvents } from './balancer-events.ts';
import { createLog } from './log.ts';
import { createRegistry } from './registry.ts';

const endpoint: Endpoint = {
  ...{ instanceId: 'inventory-2', service: 'inventory', host: '10.0.0.2', port: 7102 },
  metadata: {},
};

test('ejections are warnings with their cause and time, and are counted; what heals is information', () => {
  const written: Record<string, unknown>[] = [];
  const registry = createRegistry();
  const log = createLog({ write: (line) => written.push(JSON.parse(line) as never) });
  const tell: (target: string, event: BalancerEvent) => void = createBalancerEvents({
    log,
    registry,
  });
  const out = { kind: 'ejected', endpoint, cause: 'refused', forMs: 1012.6, ejections: 2 } as const;
  tell('inventory', out);
  tell('inventory', out);
  tell('inventory', { kind: 'panic-entered', endpoints: 3, ejected: 2 });
  tell('inventory', { kind: 'panic-left', endpoints: 3, ejected: 1 });
  tell('inventory', { kind: 'readmitted', endpoint });
  const instance = {
    destination: 'inventory',
    instanceId: 'inventory-2',
    address: '10.0.0.2:7102',
  };
  const ejected = { level: 'warn', msg: 'endpoint ejected', cause: 'refused', forMs: 1013 };
  expect(written).toMatchObject([
    { ...instance, ...ejected, ejections: 2 },
    { ...instance, ...ejected },
    { level: 'warn', destination: 'inventory', endpoints: 3, ejected: 2 },
    { level: 'info', msg: 'enough endpoints are back: ejection is heeded again', ejected: 1 },
    { level: 'info', msg: 'endpoint readmitted', ...instance },
  ]);
  expect(registry.expose()).toContain(
    'weft_client_ejections_total{grpc_target="inventory",weft_cause="refused"} 2\n',
  );
});
