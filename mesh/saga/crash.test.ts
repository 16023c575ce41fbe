import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MeshError } from '../kernel/error.ts';
import type { Store } from '../store/store.ts';
import { onEachDatabase } from '../testing/databases.ts';
import {
  away,
  bug,
  createSagaRig,
  createWorld,
  full,
  noteStep,
  oneWayStep,
  type SagaRig,
  type SagaRigTables,
  sagaRigMigrations,
  type TripStep,
  tripSaga,
  type World,
  worldStep,
} from '../testing/saga-rig.ts';

/**
 * A process that dies at its n-th crossing of a place where one can die: around each transaction, with its
 * work done and not committed, and around each effect on others. What is dead does nothing any more.
 */
interface Process {
  /** Crossings so far. */
  readonly crossed: number;
  readonly dead: boolean;
  cross(): void;
}

function createProcess(diesAt: number): Process {
  let crossed = 0;
  const dead = (): boolean => crossed >= diesAt;
  return {
    get crossed() {
      return crossed;
    },
    get dead() {
      return dead();
    },
    cross() {
      if (!dead()) crossed++;
      if (dead()) throw new MeshError('the process is dead', { status: 'UNAVAILABLE' });
    },
  };
}

function mortal(store: Store<SagaRigTables>, process: Process): Store<SagaRigTables> {
  const dying =
    (run: typeof store.transaction): typeof store.transaction =>
    async (work, signal) => {
      process.cross();
      const result = await run(async (tx) => {
        const done = await work(tx);
        process.cross();
        return done;
      }, signal);
      process.cross();
      return result;
    };
  return { ...store, transaction: dying(store.transaction), grouped: dying(store.grouped) };
}

interface Story {
  readonly steps: (world: World, process: Process) => readonly TripStep[];
  readonly faults?: Readonly<Record<string, readonly unknown[]>>;
  /** What really happened to others, in order. */
  readonly trail: readonly string[];
  readonly notes: readonly string[];
}

const around = (process: Process) => async (): Promise<void> => {
  process.cross();
};
const asks = (world: World, name: string, process: Process): TripStep =>
  worldStep(world, name, {}, around(process));

const stories: Readonly<Record<string, Story>> = {
  'one that succeeds': {
    steps: (world, process) => [
      asks(world, 'hotel', process),
      noteStep('noted'),
      oneWayStep(world, 'pay', { pivot: true }, around(process)),
      oneWayStep(world, 'print', {}, around(process)),
    ],
    faults: { pay: [away], print: [away, bug()] },
    trail: ['hotel', 'pay', 'print'],
    notes: ['noted', 'done'],
  },
  'one that is refused late': {
    steps: (world, process) => [
      asks(world, 'hotel', process),
      noteStep('noted'),
      asks(world, 'car', process),
      worldStep(world, 'train', {
        async action() {
          process.cross();
          throw full();
        },
      }),
    ],
    faults: { 'undo car': [away], 'undo hotel': [bug()] },
    trail: ['hotel', 'car', 'undo car', 'undo hotel'],
    notes: ['noted', 'undo noted', 'compensated: NO_SEAT'],
  },
  'one whose last step stays unknown': {
    steps: (world, process) => [
      asks(world, 'hotel', process),
      worldStep(world, 'train', {
        retry: { attempts: 3 },
        async action(_, { key }) {
          process.cross();
          world.do('train', key);
          throw away;
        },
      }),
    ],
    trail: ['hotel', 'train', 'undo train', 'undo hotel'],
    notes: ['compensated: UNAVAILABLE'],
  },
};

/** Runs a story with processes that die one after the other; then one that lives brings it to its end. */
async function live(rig: SagaRig, story: Story, deaths: readonly number[]): Promise<number> {
  const world = createWorld();
  for (const [name, faults] of Object.entries(story.faults ?? {})) {
    world.faults.set(name, [...faults]);
  }
  const id = `trip-${deaths.join('-')}`;
  let begun = false;
  let crossed = 0;
  for (const diesAt of [...deaths, Number.POSITIVE_INFINITY]) {
    const process = createProcess(diesAt);
    const store = mortal(rig.store, process);
    const saga = tripSaga(story.steps(world, process));
    const sagas = rig.runner({ sagas: [saga], store });
    // Whoever starts it lives: whether it exists at all is not the question here.
    if (!begun) await rig.start(sagas, saga, id);
    begun = true;
    await rig.passes(async () => {
      if (process.dead) return true;
      const { status } = (await sagas.desk.show(id)) ?? {};
      return status === 'done' || status === 'compensated';
    });
    crossed = process.crossed;
    await rig.passes(closing(sagas.close()));
    rig.clock.advance(60_000);
  }
  expect({ deaths, trail: world.trail, notes: await rig.notes(id) }).toEqual({
    deaths,
    trail: story.trail,
    notes: story.notes,
  });
  return crossed;
}

function closing(close: Promise<void>): () => boolean {
  let closed = false;
  void close.then(() => {
    closed = true;
  });
  return () => closed;
}

describe.each(Object.entries(stories))('%s', (_, story) => {
  let rig: SagaRig;
  beforeEach(async () => {
    rig = await createSagaRig();
  });
  afterEach(() => rig.close());

  test('comes to the same end wherever its process dies', async () => {
    const places = await live(rig, story, []);
    expect(places).toBeGreaterThan(12);
    for (let place = 1; place <= places; place++) await live(rig, story, [place]);
  });

  test('comes to the same end however often its processes die', async () => {
    const deaths = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 2, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(deaths, { maxLength: 1 }), async ([some = [1, 2]]) => {
        const own = await createSagaRig();
        await live(own, story, some);
        await own.close();
      }),
      { numRuns: 15, endOnFailure: true },
    );
  });
});

onEachDatabase<SagaRigTables>(sagaRigMigrations, (database) => {
  test.each(Object.entries(stories))('%s ends the same in this database', async (_, story) => {
    const rig = await createSagaRig(await database.open());
    for (const place of [2, 5, 9]) await live(rig, story, [place]);
    await rig.close();
  });
});
