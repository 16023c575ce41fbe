/** The demo of the registrar: greeters that know nothing of Consul are found in two ways, and one of them leaves. */
import { GreeterServiceDefinition } from '#gen/registrar/greeter/v1/greeter.ts';
import { RegistrarServiceDefinition } from '#gen/registrar/registrar/v1/registrar.ts';
import type { Client } from '#mesh';
import { play } from '../../stage/stage.ts';

type Greeter = Client<GreeterServiceDefinition>;

await play('registrar', async ({ say, client, until, weft }) => {
  const greeter = client(GreeterServiceDefinition);
  const registrar = client(RegistrarServiceDefinition);
  const greetedBy = async (from: Greeter): Promise<string[]> => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => from.greet({ name: 'ada' })),
    );
    return [...new Set(answers.map((answer) => answer.greetedBy))].sort();
  };
  const tell = async (): Promise<void> => {
    for (const { service, address, registered } of (await registrar.listWatched({})).watched) {
      say.line(`${service} at ${address}: ${registered ? 'registered' : 'does not answer'}`);
    }
    say.line(`calls are answered by ${(await greetedBy(greeter)).join(', ')}`);
  };

  say.chapter('1. Two greeters that know nothing of Consul; the registrar has seen them');
  await until('both are found', async () => (await greetedBy(greeter)).length === 2);
  await tell();

  say.chapter('2. One of them leaves; the registrar takes it out');
  await weft('stop', 'greeter-a');
  await until('one is left', async () => {
    return (await registrar.listWatched({})).watched.some(({ registered }) => !registered);
  });
  await until('one answers', async () => (await greetedBy(greeter)).length === 1);
  await tell();

  say.chapter('3. It is back, and nobody told Consul but the registrar');
  await weft('start', 'greeter-a');
  await until('both are found', async () => (await greetedBy(greeter)).length === 2);
  await tell();
});
