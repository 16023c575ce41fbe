import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OrdersServiceDefinition } from '#gen/flow/orders/v1/orders.ts';
import {
  type Client,
  type Closeable,
  closeClient,
  createClient,
  createConsul,
  createConsulDiscovery,
} from '#mesh';
import { startConsul } from '../../../mesh/testing/consul.ts';
import { startNats } from '../../../mesh/testing/nats.ts';
import { freePort } from '../../../mesh/testing/ports.ts';
import { type Child, startChild } from '../child.ts';
import {
  type DeskName,
  desks,
  type Flow,
  isTold,
  type MemberOptions,
  type Pace,
  type Role,
} from './wire.ts';

/** The processes of one flow, with a Consul and, where there are events, a nats-server of their own. */
export interface Crew extends Closeable {
  readonly flow: Flow;
  /** As the customers see it. */
  readonly orders: Client<OrdersServiceDefinition>;
  /** The file of a member's database. */
  database(role: Role): string;
  /** kill -9 */
  kill(role: Role): Promise<void>;
  /** An orderly end. */
  stop(role: Role): Promise<void>;
  start(role: Role): Promise<void>;
  setPace(desk: DeskName, pace: Pace): void;
}

export async function startCrew(flow: Flow): Promise<Crew> {
  const folder = await mkdtemp(join(tmpdir(), 'weft-flow-'));
  const consul = await startConsul();
  const nats = isTold(flow) ? await startNats() : undefined;
  const members = new Map<Role, { options: MemberOptions; child: Child | undefined }>();
  const database = (role: Role): string => join(folder, `${role}.db`);
  for (const role of [...desks, 'orders'] as const) {
    const options = {
      ...{ flow, role, consul: consul.address, nats: nats?.url ?? '' },
      ...{ store: `sqlite:${database(role)}`, port: await freePort() },
    };
    members.set(role, { options, child: undefined });
  }
  const named = (role: Role): { options: MemberOptions; child: Child | undefined } => {
    const member = members.get(role);
    if (member === undefined) throw new Error(`there is no ${role}`);
    return member;
  };
  const start = async (role: Role): Promise<void> => {
    const member = named(role);
    member.child = await startChild('flow/service.ts', member.options);
  };
  const discovery = createConsulDiscovery({ consul: createConsul({ address: consul.address }) });
  const orders = createClient(OrdersServiceDefinition, {
    resolver: discovery.resolver,
    // Customers are many and know nothing of each other: what one has met keeps no other from asking.
    breaker: { minSuccessRate: 0, consecutive: Number.MAX_SAFE_INTEGER },
  });
  const close = async (): Promise<void> => {
    await Promise.all([...members.values()].map(async ({ child }) => child?.kill()));
    await closeClient(orders);
    await discovery.close();
    await nats?.close();
    await consul.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all([...members.keys()].map(start));
  } catch (thrown) {
    await close();
    throw thrown;
  }
  return {
    ...{ flow, orders, database, start, close },
    kill: async (role) => named(role).child?.kill(),
    stop: async (role) => named(role).child?.stop(),
    setPace: (desk, pace) => named(desk).child?.tell(pace),
  };
}
