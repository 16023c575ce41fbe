import { z } from 'zod';
import { defineSaga, type Saga } from '../saga/definition.ts';
import { refusal } from '../saga/failure.ts';
import { sagaMigrations } from '../saga/migrations.ts';
import { callStep, localStep, type Step } from '../saga/step.ts';
import { jsonData } from '../schema/data-codec.ts';
import type { Store } from '../store/store.ts';

/** What the saga of the processes leaves behind: one row for each effect, its own and those of others. */
export interface DurableTables {
  effects: { key: string; what: string };
  notes: { saga_id: string; text: string };
}

export const durableMigrations = [
  ...sagaMigrations,
  {
    name: '001-effects',
    up: 'create table effects (key text primary key, what text not null); create table notes (saga_id text, text text)',
  },
];

const shape = z.object({ refused: z.boolean() });
type DurableTrip = z.infer<typeof shape>;

/**
 * A saga whose world outlives a process: hotel, a note in its own database, car, and a train that is refused if
 * the data say so. `cross` is called before and after each effect on others, and inside the transactions.
 */
export function durableTrip(
  world: Store<DurableTables>,
  cross: () => void,
): Saga<DurableTables, DurableTrip> {
  const effect = async (key: string, what: string): Promise<void> => {
    cross();
    // As a participant does it: the key makes a repetition nothing.
    await world.db
      .insertInto('effects')
      .values({ key, what })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    cross();
  };
  const call = (name: string): Step<DurableTables, DurableTrip> =>
    callStep(name, {
      async action(data, { key }) {
        await effect(key, name);
        return data;
      },
      compensate: (_, { key }) => effect(key, `undo ${name}`),
    });
  const note = (text: string) => async (tx: Parameters<Noting>[0], sagaId: string) => {
    await tx.insertInto('notes').values({ saga_id: sagaId, text }).execute();
    cross();
  };
  return defineSaga<DurableTables, DurableTrip>({
    name: 'durable-trip',
    data: jsonData(shape),
    steps: [
      call('hotel'),
      localStep('noted', {
        async action(tx, data, { sagaId }) {
          await note('noted')(tx, sagaId);
          return data;
        },
        compensate: (tx, _, { sagaId }) => note('undo noted')(tx, sagaId),
      }),
      call('car'),
      callStep('train', {
        async action(data, { key }) {
          if (data.refused) throw refusal('NO_SEAT', 'the train is full');
          await effect(key, 'train');
          return data;
        },
      }),
    ],
    onDone: (tx, _, { sagaId }) => note('done')(tx, sagaId),
    onCompensated: (tx, _, { sagaId }) => note('compensated')(tx, sagaId),
  });
}

type Noting = NonNullable<Saga<DurableTables, DurableTrip>['onDone']>;
