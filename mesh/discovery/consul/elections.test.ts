import { expect, test } from '@jest/globals';
import { createConsul } from '../../consul/client.ts';
import { systemClock } from '../../kernel/clock.ts';
import { silentLog } from '../../kernel/log.ts';
import { systemRandom } from '../../kernel/random.ts';
import { startConsul } from '../../testing/consul.ts';
import { describeElections } from '../../testing/elections-contract.ts';
import { eventually } from '../../testing/eventually.ts';
import { createConsulElections } from './elections.ts';

const ports = { clock: systemClock, random: systemRandom, log: silentLog };

describeElections('Consul', async () => {
  const server = await startConsul();
  const consul = createConsul({ address: server.address });
  return {
    elections: createConsulElections({ ...ports, consul }, { candidate: 'test' }),
    async close() {
      consul.close();
      await server.close();
    },
  };
});

test('a leader whose session was ended is told, and another one leads', async () => {
  const server = await startConsul();
  const consul = createConsul({ address: server.address });
  const elections = createConsulElections({ ...ports, consul }, { candidate: 'test' });
  const terms: string[] = [];
  const stand = (who: string) =>
    elections.stand('lost', async (signal) => {
      terms.push(`${who} leads`);
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve, { once: true });
      });
      terms.push(`${who} ends`);
    });
  const first = stand('ada');
  await eventually(() => terms.length === 1);
  const second = stand('bob');
  const { value: session = '' } = await consul.lockHolder('weft/leaders/lost');
  await consul.endSession(session);
  // In which order is a matter of a second (the delay of the lock), which a busy machine may take: who writes is fenced.
  await eventually(
    () => terms.includes('ada ends') && terms.filter((each) => each.endsWith('leads')).length === 2,
  );
  await Promise.all([first.close(), second.close()]);
  expect((await consul.lockHolder('weft/leaders/lost')).value).toBeUndefined();
  consul.close();
  await server.close();
}, 60_000);
