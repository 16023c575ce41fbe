/** The chain's demo: a question goes through A, B and C; then C is slow, hangs and crashes, and is asked again. */
import { AServiceDefinition, Source } from '#gen/chain/a/v1/a.ts';
import { Behavior, CServiceDefinition } from '#gen/chain/c/v1/c.ts';
import { MeshError } from '#mesh';
import { play } from '../../stage/stage.ts';

await play('chain', async (stage) => {
  const { say, client, until, draw, traced } = stage;
  const a = client(AServiceDefinition);
  const c = client(CServiceDefinition);
  const question = 'is anybody there';

  /** Asks, and tells what came of it and how long it took. */
  const ask = async (): Promise<void> => {
    const begin = stage.clock.monotonic();
    const outcome = await a.ask({ question }).then(
      ({ answer, via, source }) => `${answer} (${sourceText(source)}; ${via.join(' -> ')})`,
      (thrown: unknown) => MeshError.from(thrown).message,
    );
    say.line(`after ${Math.round(stage.clock.monotonic() - begin)} ms: ${outcome}`);
  };
  const answers = async (): Promise<boolean> => (await a.ask({ question })).source === Source.CHAIN;

  say.chapter('1. A question goes through the chain');
  await until('the chain answers', answers);
  const { result, traceId } = await traced(() => a.ask({ question }));
  say.line(`a answered: ${result.answer} (${result.via.join(' -> ')})`);
  await draw(traceId);

  say.chapter('2. What C depends on is slow: the whole chain is');
  await c.behave({ behavior: Behavior.SLOW, delayMs: 400 });
  await ask();

  say.chapter('3. It hangs: each hop has its time-out, then the breakers answer at once');
  await c.behave({ behavior: Behavior.HANG, delayMs: 0 });
  for (let i = 0; i < 4; i++) await ask();
  await c.behave({ behavior: Behavior.WELL, delayMs: 0 });
  await until('the chain answers again', answers);
  say.line('it is well again, the breakers have tried it, and the chain answers');

  say.chapter('4. C crashes at the next question, and is started again');
  await c.behave({ behavior: Behavior.CRASH, delayMs: 0 });
  await ask();
  await until('the chain answers again', answers);
  await ask();
});

function sourceText(source: Source): string {
  if (source === Source.CHAIN) return 'asked the whole chain';
  return source === Source.DEFAULT ? 'a default' : 'the last answer';
}
