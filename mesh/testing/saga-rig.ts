import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { defineSaga, type Saga, type SagaOptions } from '../saga/definition.ts';
import type { SagaView } from '../saga/desk.ts';
import { refusal } from '../saga/failure.ts';
import { sagaMigrations } from '../saga/migrations.ts';
import { createSagas, type Sagas, type SagasOptions } from '../saga/sagas.ts';
import { type CallStepContext, callStep, localStep, type Step } from '../saga/step.ts';
import { jsonData } from '../schema/data-codec.ts';
import { openStore, type Store } from '../store/store.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';

/** What the tests of sagas write beside the tables of the room. */
export interface SagaRigTables {
  notes: { saga_id: string; text: string };
}

export const tripShape = z.object({ traveller: z.string(), booked: z.array(z.string()) });
/** The data of the sagas of the tests. */
export type Trip = z.infer<typeof tripShape>;
export type TripStep = Step<SagaRigTables, Trip>;

export const sagaRigMigrations = [
  ...sagaMigrations,
  { name: '001-notes', up: 'create table notes (saga_id text, text text)' },
];

/**
 * Whoever is called by the sagas of a test: does what a key asks for once, takes it back once, and refuses what
 * was taken back before it came. `trail` is what really happened, in order.
 */
export interface World {
  readonly trail: string[];
  readonly calls: string[];
  /** Thrown by the next calls of a step, in order; for compensations of "undo <step>". */
  readonly faults: Map<string, unknown[]>;
  do(step: string, key: string): void;
  undo(step: string, key: string): void;
}

export function createWorld(): World {
  const done = new Set<string>();
  const undone = new Set<string>();
  const trail: string[] = [];
  const calls: string[] = [];
  const faults = new Map<string, unknown[]>();
  const meet = (name: string): void => {
    calls.push(name);
    const fault = faults.get(name)?.shift();
    if (fault !== undefined) throw fault as Error;
  };
  return {
    ...{ trail, calls, faults },
    do(step, key) {
      meet(step);
      if (undone.has(key)) throw new MeshError('taken back', { status: 'FAILED_PRECONDITION' });
      if (!done.has(key)) trail.push(step);
      done.add(key);
    },
    undo(step, key) {
      meet(`undo ${step}`);
      const action = key.replace(/\/undo$/, '');
      if (done.has(action) && !undone.has(action)) trail.push(`undo ${step}`);
      undone.add(action);
    },
  };
}

/** Runs before and after the effect of each call: where a test lets a process die. */
export type Around = (when: 'before' | 'after', context: CallStepContext) => Promise<void>;

/** A step that asks the world. */
export function worldStep(
  world: World,
  name: string,
  options: Partial<Extract<TripStep, { kind: 'call' }>> = {},
  around: Around = async () => undefined,
): TripStep {
  return callStep<SagaRigTables, Trip>(name, {
    async action(data, context) {
      await around('before', context);
      world.do(name, context.key);
      await around('after', context);
      return { ...data, booked: [...data.booked, name] };
    },
    async compensate(_, context) {
      await around('before', context);
      world.undo(name, context.key);
      await around('after', context);
    },
    ...options,
  });
}

/** A step that asks the world and cannot be taken back. */
export function oneWayStep(
  world: World,
  name: string,
  options: Partial<Extract<TripStep, { kind: 'call' }>> = {},
  around?: Around,
): TripStep {
  const step = worldStep(world, name, options, around);
  delete step.compensate;
  return step;
}

/** A step that writes a note beside the saga, and takes it back. */
export function noteStep(name: string): TripStep {
  return localStep<SagaRigTables, Trip>(name, {
    async action(tx, data, { sagaId }) {
      await tx.insertInto('notes').values({ saga_id: sagaId, text: name }).execute();
      return data;
    },
    async compensate(tx, _, { sagaId }) {
      await tx
        .insertInto('notes')
        .values({ saga_id: sagaId, text: `undo ${name}` })
        .execute();
    },
  });
}

/** A saga of these steps that notes its end. */
export function tripSaga(
  steps: readonly TripStep[],
  more: Partial<SagaOptions<SagaRigTables, Trip>> = {},
): Saga<SagaRigTables, Trip> {
  return defineSaga<SagaRigTables, Trip>({
    name: 'trip',
    data: jsonData(tripShape),
    steps,
    async onDone(tx, _, { sagaId }) {
      await tx.insertInto('notes').values({ saga_id: sagaId, text: 'done' }).execute();
    },
    async onCompensated(tx, _, { sagaId, failure }) {
      const text = `compensated: ${failure.reason}`;
      await tx.insertInto('notes').values({ saga_id: sagaId, text }).execute();
    },
    ...more,
  });
}

/** A store with the tables, and a clock that the test moves. */
export interface SagaRig {
  readonly store: Store<SagaRigTables>;
  readonly clock: FakeClock;
  /** Runs sagas as a process of the service does; closed with the rig. */
  runner(
    options: Omit<SagasOptions<SagaRigTables>, 'store'> & { store?: Store<SagaRigTables> },
  ): Sagas<SagaRigTables>;
  /** Starts a saga in a transaction of its own. */
  start(sagas: Sagas<SagaRigTables>, saga: Saga<SagaRigTables, Trip>, id?: string): Promise<string>;
  /** Moves the clock on, again and again, until `probe` is neither false nor throws. */
  passes<T>(probe: () => Promise<T> | T): Promise<T>;
  notes(id: string): Promise<string[]>;
  close(): Promise<void>;
}

export async function createSagaRig(opened?: Store<SagaRigTables>): Promise<SagaRig> {
  const store =
    opened ??
    (await openStore<SagaRigTables>({ url: 'sqlite::memory:', migrations: sagaRigMigrations }));
  const clock = createFakeClock();
  const running: Sagas<SagaRigTables>[] = [];
  // A database beyond a socket needs real time: virtual time that runs away from it is an outage of its own.
  const remote = store.dialect === 'postgres';
  const passes: SagaRig['passes'] = async (probe) => {
    for (let turn = 0; ; turn++) {
      if (remote) await systemClock.sleep(4);
      else for (let i = 0; i < 4; i++) await setImmediate();
      try {
        const value = await probe();
        if (value !== false) return value;
      } catch (thrown) {
        if (turn > 3_000) throw thrown;
      }
      if (turn > 3_000) throw new Error('not seen in 3000 turns');
      clock.advance(remote ? 100 : 500);
    }
  };
  return {
    ...{ store, clock, passes },
    runner(options) {
      const sagas = createSagas<SagaRigTables>({ store, clock, ...options });
      running.push(sagas);
      sagas.run();
      return sagas;
    },
    start: async (sagas, saga, id = 'trip-1') => {
      const data = { traveller: 'ada', booked: [] };
      await store.transaction((tx) => sagas.start(tx, saga, { id, data }));
      return id;
    },
    async notes(id) {
      const rows = await store.db
        .selectFrom('notes')
        .select('text')
        .where('saga_id', '=', id)
        .execute();
      return rows.map(({ text }) => text);
    },
    async close() {
      const closing = Promise.all(running.map((each) => each.close()));
      await passes(async () => {
        const ended = await Promise.race([closing.then(() => true), setImmediate(false)]);
        return ended;
      });
      if (opened === undefined) await store.close();
    },
  };
}

/** What the steps of tests throw: nobody is there, the answer is no, nobody expected it. */
export const away = new MeshError('nobody answers', { status: 'UNAVAILABLE' });
export const full = (): MeshError => refusal('NO_SEAT', 'the train is full');
export const bug = (): Error => new TypeError('undefined is not a train');

export function many<T>(n: number, make: () => T): T[] {
  return Array.from({ length: n }, make);
}

/** The saga if it has come to its end, or to a person; for `passes`. */
export async function ended(sagas: Sagas<SagaRigTables>, id: string): Promise<SagaView> {
  const view = await sagas.desk.show(id);
  if (view !== undefined && ['done', 'compensated', 'stuck'].includes(view.status)) return view;
  throw new Error(`saga ${id} is ${view?.status ?? 'not there'}`);
}
