import { expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { systemRandom } from '../../kernel/random.ts';
import type { MeshPlan } from './plan.ts';
import { createSupervisor } from './supervisor.ts';

test('what is asked for while a mesh is being stopped is refused, not started and left behind', async () => {
  const started: string[] = [];
  const supervisor = createSupervisor({
    ...{ env: {}, clock: systemClock, random: systemRandom },
    onChange: (children) => started.push(...children.map(({ plan }) => plan.id)),
  });
  const empty: MeshPlan = {
    ...{ root: '/', file: '/weft.yaml', portBase: 7100, stories: [], scale: {}, processes: [] },
    ...{
      identity: 'off',
      consul: 'http://127.0.0.1:1',
      nats: '127.0.0.1:1',
      examples: [],
      next: [],
    },
  };
  const silent = (): void => undefined;
  await supervisor.apply(empty, silent);
  const down = supervisor.down(silent);
  await expect(supervisor.start('orders', silent)).rejects.toMatchObject({
    reason: 'MESH_STOPPING',
  });
  await expect(supervisor.apply(empty, silent)).rejects.toThrow(/is being stopped; .*weft up/);
  await down;
  await expect(supervisor.apply(empty, silent)).rejects.toMatchObject({ reason: 'MESH_STOPPING' });
  expect(started).toEqual([]);
});
