/** People who write to each other while their gateways are killed and their connections cut. */
import { systemClock, systemRandom } from '#mesh';
import { eventually } from '../../../mesh/testing/eventually.ts';
import { type ChatClient, createChatClient } from '../../../services/chat/demo/chat-client.ts';
import type { Effort } from '../experiment.ts';
import { type Count, countAll } from './count.ts';
import { type ChatRig, openChat, secret } from './rig.ts';

export interface Kills extends Count {
  readonly users: number;
  readonly gateways: number;
  readonly kills: number;
  /** Connections that were cut from the client's side. */
  readonly cuts: number;
}

const plans = {
  full: { users: 24, kills: 20, pauseMs: 1_500 },
  short: { users: 8, kills: 4, pauseMs: 1_000 },
} as const;
const gateways = 3;
/** Each user writes about as many messages a second. */
const perSecond = 8;

interface User {
  readonly id: string;
  readonly client: ChatClient;
  /** What this user was told is stored, by recipient, in order. */
  readonly wrote: Map<string, string[]>;
  /** What was shown to this user, by sender, in order. */
  readonly read: Map<string, string[]>;
}

export async function measureKills(say: (text: string) => void, effort: Effort): Promise<Kills> {
  const { users: count, kills, pauseMs } = plans[effort];
  const rig = await openChat(gateways);
  const users = Array.from({ length: count }, (_, n) => enter(rig, `user-${String(n)}`));
  let writing = true;
  let cuts = 0;
  try {
    const everybody = users.map((user) => write(user, users, () => writing));
    for (let n = 0; n < kills; n++) {
      await systemClock.sleep(pauseMs);
      users[Math.floor(systemRandom.next() * count)]?.client.drop();
      cuts++;
      await rig.replace(`gateway-${String(1 + (n % gateways))}`);
    }
    await systemClock.sleep(pauseMs);
    writing = false;
    await Promise.all(everybody);
    say('everybody has written; now all must arrive');
    const result = (): Count => countAll(users.map(booksOf));
    // Whatever has not come by then counts as lost.
    await eventually(() => result().lost === 0, { withinMs: 30_000, everyMs: 200 }).catch(() => 0);
    return { ...result(), users: count, gateways, kills, cuts };
  } finally {
    await Promise.all(users.map(({ client }) => client.close()));
    await rig.close();
  }
}

function enter({ gateways: known }: ChatRig, id: string): User {
  const read = new Map<string, string[]>();
  const client = createChatClient({
    ...{ userId: id, secret, gateway: () => known.next() },
    onMessage({ from, text }) {
      read.set(from, [...(read.get(from) ?? []), text]);
    },
  });
  return { id, client, wrote: new Map(), read };
}

/** Writes numbered messages to others, chosen by chance, until it is told to stop. */
async function write(user: User, all: readonly User[], goesOn: () => boolean): Promise<void> {
  const others = all.filter(({ id }) => id !== user.id);
  for (let n = 0; goesOn(); n++) {
    const to = others[Math.floor(systemRandom.next() * others.length)]?.id ?? '';
    await user.client.send(to, String(n));
    user.wrote.set(to, [...(user.wrote.get(to) ?? []), String(n)]);
    await systemClock.sleep((2 * systemRandom.next() * 1000) / perSecond);
  }
}

function booksOf({ id, wrote, read, client }: User): Parameters<typeof countAll>[0][number] {
  return { id, wrote, read, repeated: client.repeated };
}
