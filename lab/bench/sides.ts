import { unixKey } from '../../mesh/rpc/unix.ts';
import type { Plan } from '../suite/section.ts';
import { type Side, sideOf } from './block.ts';
import type { Client } from './contender.ts';
import { bareClient } from './contenders/bare.ts';
import { openWeft } from './contenders/weft.ts';
import type { Fleet } from './fleet.ts';
import { sampleOrders } from './work.ts';

/** The bare stub, and the ways of weft. */
export type SideName = 'bare' | 'bare-again' | 'lane' | 'plain' | 'lane-unix' | 'plain-unix';

/** Opens a client of a fleet that serves 'bare' and 'weft'. */
export async function openClient(plan: Plan, name: SideName, fleet: Fleet): Promise<Client> {
  if (name.startsWith('bare')) return bareClient.connect(fleet.addresses('bare'));
  const way = { lane: name.startsWith('lane'), unix: name.endsWith('unix') };
  if (way.unix) seeSocket(plan, fleet);
  const client = await openWeft(fleet.addresses('weft'), way);
  if (way.lane) await seeLane(plan, name, client);
  return client;
}

export async function openSide(plan: Plan, name: SideName, fleet: Fleet): Promise<Side> {
  return sideOf(name, await openClient(plan, name, fleet), fleet);
}

function seeSocket(plan: Plan, fleet: Fleet): void {
  if (fleet.addresses('weft').every(({ metadata }) => metadata[unixKey] !== undefined)) return;
  const text = 'the servers have no Unix socket';
  if (!plan.quick) throw new Error(text);
  plan.say(`  ${text}`);
}

/** A bench of the lane that measured plain calls would say that the lane is worth nothing. */
async function seeLane(plan: Plan, name: string, client: Client): Promise<void> {
  const orders = sampleOrders(16);
  for (let turn = 0; turn < 50; turn++)
    await Promise.all(orders.map((order) => client.echo(order)));
  const share = client.laneShare?.() ?? 0;
  if (share > 0.5) return;
  const text = `only ${Math.round(100 * share)} % of the calls of "${name}" take the lane`;
  if (!plan.quick) throw new Error(text);
  plan.say(`  ${text}`);
}
