/** The chat's demo: two users on two gateways; one is away for a while; a gateway goes, and nobody misses a word. */
import { play } from '../../stage/stage.ts';
import { runningStory } from '../../stage/weft.ts';
import { type ChatClient, createChatClient } from './chat-client.ts';
import { watchGateways } from './gateways.ts';

/** As deploy/weft.yaml has it. */
const secret = 'the chat of a checkout keeps no secret';

await play('chat', async ({ say, until, own, weft, random }) => {
  const { consul } = await runningStory('chat');
  const gateways = own(watchGateways(consul));
  await until('two gateways are known', async () => gateways.all().size >= 2);
  const [first = '', second = ''] = gateways.all().keys();
  // Names of this run: the mailboxes of an earlier one are not ours.
  const [ada, bob] = [`ada-${random.hex(3)}`, `bob-${random.hex(3)}`];

  /** A user who begins at one gateway and goes wherever there is one. */
  const enter = (userId: string, gateway: string, place = 0): ChatClient => {
    let tries = 0;
    const client = createChatClient({
      ...{ userId, secret, place },
      gateway: () => (tries++ === 0 ? (gateways.all().get(gateway) ?? '') : gateways.next()),
      onMessage: ({ from, text, place }) => {
        say.line(`${userId} reads at place ${String(place)}, from ${from}: ${text}`);
      },
      onSent: (to, ids) => say.line(`${userId} is told: ${to} has ${String(ids.length)} of yours`),
    });
    return own(client);
  };

  say.chapter(`1. ${ada} on ${first} writes to ${bob} on ${second}`);
  const one = enter(ada, first);
  let other = enter(bob, second);
  await until('both are connected', async () =>
    [one, other].every(({ state }) => state === 'open'),
  );
  await one.send(bob, 'are you there?');
  await until('it has arrived', async () => other.place === 1);

  say.chapter(`2. ${bob} is away; what comes meanwhile waits, and is there on return`);
  await other.close();
  for (const text of ['hello?', 'I will tell you anyway', 'see you']) await one.send(bob, text);
  const history = await one.request({ type: 'history', with: bob, limit: 4 });
  for (const { text, status } of history['messages'] as { text: string; status: string }[]) {
    say.line(`${status.padEnd(8)} ${text}`);
  }
  other = enter(bob, second, other.place);
  await until('all of it has arrived', async () => other.place === 4);

  say.chapter(`3. The gateway ${second} goes while ${ada} writes; ${bob} comes back elsewhere`);
  const leaving = weft('stop', second.replace(/-(\d+)$/, '#$1'));
  for (let n = 1; n <= 10; n++) await one.send(bob, `message ${String(n)} of 10`);
  await leaving;
  await until('all ten have arrived', async () => other.place === 14);
  say.line(`nothing is lost, and ${String(other.repeated)} came twice`);
  await weft('start', second.replace(/-(\d+)$/, '#$1'));
});
