/** The chain end to end: three processes as `weft up` runs them, a real Consul between them, and a front end that asks A. */
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AServiceDefinition, type AskResponse, Source } from '#gen/chain/a/v1/a.ts';
import { Behavior, CServiceDefinition } from '#gen/chain/c/v1/c.ts';
import {
  type Client,
  closeClient,
  createClient,
  createConsul,
  createConsulDiscovery,
  type Resolver,
} from '#mesh';
import { type ConsulServer, startConsul } from '../../mesh/testing/consul.ts';
import { errorOf } from '../../mesh/testing/error-of.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { type ServiceProcess, startServiceProcess } from '../../mesh/testing/service-process.ts';

const patience = { withinMs: 40_000 };
let consul: ConsulServer;
let discovery: ReturnType<typeof createConsulDiscovery>;
/** Three heads of the same chain, each with another way to recover. */
let heads: Record<'error' | 'default' | 'last', Client<AServiceDefinition>>;
let c: Client<CServiceDefinition>;
const processes: ServiceProcess[] = [];
let endOfChain: ServiceProcess;

/** The service as a process; ended with the test. */
function start(service: 'a' | 'b' | 'c', env: Readonly<Record<string, string>>): ServiceProcess {
  const program = join(import.meta.dirname, service, 'main.ts');
  const started = startServiceProcess(program, { MESH_CONSUL: consul.address, ...env });
  processes.push(started);
  return started;
}

/** Knows one instance of a service and no other. */
function onlyInstance(instanceId: string): Resolver {
  return {
    watch: (service, listener) =>
      discovery.resolver.watch(service, (snapshot) => {
        const endpoints = snapshot.endpoints.filter((each) => each.instanceId === instanceId);
        listener({ ...snapshot, endpoints });
      }),
  };
}

function headOf(recovery: 'error' | 'default' | 'last'): Client<AServiceDefinition> {
  const instance = `a-${recovery}`;
  start('a', { INSTANCE_ID: instance, RECOVERY: recovery });
  return createClient(AServiceDefinition, { resolver: onlyInstance(instance) });
}

const ask = (recovery: keyof typeof heads): Promise<AskResponse> =>
  heads[recovery].ask({ question: 'is anybody there' });

/** Every head is answered by the whole chain: discovery has the news, and no breaker is open any more. */
async function allIsWell(): Promise<void> {
  for (const recovery of ['error', 'default', 'last'] as const) {
    await eventually(async () => (await ask(recovery)).source === Source.CHAIN, patience);
  }
}

beforeAll(async () => {
  consul = await startConsul();
  discovery = createConsulDiscovery({ consul: createConsul({ address: consul.address }) });
  heads = { error: headOf('error'), default: headOf('default'), last: headOf('last') };
  c = createClient(CServiceDefinition, { resolver: discovery.resolver });
  start('b', { INSTANCE_ID: 'b-1' });
  endOfChain = start('c', { INSTANCE_ID: 'c-1' });
  await allIsWell();
}, 90_000);

afterAll(async () => {
  await Promise.all(processes.map((process) => process.close()));
  await Promise.all([...Object.values(heads), c].map(closeClient));
  await discovery.close();
  await consul.close();
});

describe('the chain', () => {
  test('that is well answers, and says whom it asked', async () => {
    expect(await ask('error')).toEqual({
      answer: 'C has heard "is anybody there"',
      via: ['c-1', 'b-1', 'a-error'],
      source: Source.CHAIN,
    });
  });

  test('refuses an empty question with the field at fault', async () => {
    const error = await errorOf(heads.error.ask({ question: '' }));
    expect(error).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_FIELDS' });
  });

  test('whose end hangs answers within its deadline as each head was told, and recovers', async () => {
    await c.behave({ behavior: Behavior.HANG, delayMs: 0 });
    // The second when it was tried again, and a breaker on the way had opened meanwhile.
    expect((await errorOf(ask('error'))).status).toMatch(/^(DEADLINE_EXCEEDED|UNAVAILABLE)$/);
    expect(await ask('default')).toMatchObject({ source: Source.DEFAULT, via: ['a-default'] });
    expect(await ask('last')).toMatchObject({
      source: Source.LAST_ANSWER,
      answer: 'C has heard "is anybody there"',
    });
    await c.behave({ behavior: Behavior.WELL, delayMs: 0 });
    await allIsWell();
  }, 150_000);

  test('whose end crashes fails fast, and recovers by itself once C is back', async () => {
    const gone = once(endOfChain.child, 'exit');
    await c.behave({ behavior: Behavior.CRASH, delayMs: 0 });
    // C dies of being asked. On a busy machine that question may run out of time before its retries do.
    expect(['UNAVAILABLE', 'DEADLINE_EXCEEDED']).toContain((await errorOf(ask('error'))).status);
    expect(await gone).toEqual([null, 'SIGKILL']);
    await eventually(async () => {
      expect((await errorOf(ask('error'))).status).toBe('UNAVAILABLE');
      return true;
    });
    expect(await ask('default')).toMatchObject({ source: Source.DEFAULT });
    start('c', { INSTANCE_ID: 'c-1' });
    await allIsWell();
  }, 150_000);
});
