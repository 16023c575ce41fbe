import assert from 'node:assert/strict';
import { OrderConfirmed } from '../../gen/shop/orders/v1/events.ts';
import { createMemoryBus } from '../events/bus/memory.ts';
import { on } from '../events/consume/handler.ts';
import { createEvents } from '../events/events.ts';
import { eventMigrations } from '../events/migrations.ts';
import { type EventTables, eventTables } from '../events/tables.ts';
import { MeshError } from '../kernel/error.ts';
import { type Image, weftImage } from '../schema/image.ts';
import { type Generated, sql } from '../store/sql.ts';
import { openStore, type Store } from '../store/store.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import type { Weather } from './model-bus.ts';
import { createModelProcess, type ModelProcess } from './model-process.ts';
import {
  byKey,
  type Ending,
  type Hearing,
  type Labelled,
  readChannel,
  type Step,
} from './model-steps.ts';
import { createWriter, type Writer } from './model-writer.ts';
import { createSeededRandom } from './seeded-random.ts';
import { inPartitions } from './steps.ts';

export interface ModelTables {
  model_effects: { seq: Generated<number>; label: string; order_key: string };
}

/** Failures of a handler until an event is given up. */
const maxDeliveries = 2;
const ackWaitMs = 3_000;
const restartMs = 1_000;
const leaseMs = 2_000;

/** Where model runs take place: one database in memory for all of them, emptied each time. */
export interface ModelBed {
  /** Lets the steps happen, then lets all go well until nothing moves any more. */
  run(steps: readonly Step[], seed: number, hearing?: Hearing): Promise<Ending>;
  close(): Promise<void>;
}

export async function createModelBed(): Promise<ModelBed> {
  const clock = createFakeClock();
  const store = await openStore<ModelTables & EventTables>({
    ...{ url: 'sqlite::memory:', clock, random: createSeededRandom(1) },
    migrations: [
      ...eventMigrations,
      {
        name: '001-model',
        up: 'create table model_effects (seq integer primary key autoincrement, label text, order_key text)',
      },
    ],
  });
  return {
    async run(steps, seed, hearing = { ordered: false }) {
      await empty(store);
      const world = new World(store, clock, { seed, hearing });
      try {
        for (const step of steps) await world.take(step);
        return await world.end();
      } finally {
        await world.close();
      }
    },
    close: () => store.close(),
  };
}

type ModelStore = Store<ModelTables & EventTables>;

async function empty(store: ModelStore): Promise<void> {
  const { rows } = await sql<{ name: string }>`
    select name from sqlite_master
    where type = 'table' and (name like 'weft%' or name like 'model%') and name <> 'weft_migrations'
  `.execute(store.db);
  for (const { name } of rows) await sql`delete from ${sql.table(name)}`.execute(store.db);
}

class World {
  readonly #store: ModelStore;
  readonly #clock: FakeClock;
  readonly #seed: number;
  readonly #hearing: Hearing;
  readonly #image: Image;
  readonly #bus;
  readonly #publisher;
  readonly #writer: Writer;
  readonly #weather: Weather = { down: false, publish: [], delivery: [] };
  readonly #handling: string[] = [];
  readonly #processes: ModelProcess<ModelTables & EventTables>[] = [];
  readonly #leaving = new WeakSet<ModelProcess<ModelTables & EventTables>>();
  readonly #dropped = new Set<string>();
  #births = 0;
  #unaged = 0;
  #ending = false;

  constructor(
    store: ModelStore,
    clock: FakeClock,
    { seed, hearing }: { readonly seed: number; readonly hearing: Hearing },
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#seed = seed;
    this.#hearing = hearing;
    // Two places, so that both processes have something to hold, and to lose.
    this.#image = hearing.ordered ? inPartitions(2) : weftImage();
    this.#bus = createMemoryBus({ clock });
    // It only writes; its events leave with the relays of the others.
    this.#publisher = createEvents({
      ...{ image: this.#image, source: 'orders', store, bus: this.#bus, clock },
      random: createSeededRandom(seed),
    });
    this.#writer = createWriter({
      ...{ store, events: this.#publisher },
      done: (work) => this.#done(work),
    });
    for (const slot of [0, 1]) this.#bear(slot);
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'begin':
        return this.#writer.begin();
      case 'publish':
        return this.#writer.publish(`key-${String(step.key)}`);
      case 'commit':
      case 'abort':
        return this.#writer.end(step.kind);
      case 'time':
        return this.#pass(step.ms);
      case 'replay':
      case 'drop':
        // Whoever publishes has the database for itself.
        return this.#writer.isOpen ? undefined : this.#treat(step.kind);
      default:
        this.#befall(step);
        return turn();
    }
  }

  /** All faults are over: whatever can still happen happens now. */
  async end(): Promise<Ending> {
    await this.#writer.end('commit');
    this.#weather.down = false;
    for (const list of [this.#weather.publish, this.#weather.delivery, this.#handling]) {
      list.length = 0;
    }
    for (const each of this.#processes) each.spare();
    await this.#rest();
    const ending = {
      committed: byKey(this.#writer.committed),
      channel: byKey(await this.#channel()),
      effects: byKey(await this.#done(this.#effects())),
      letters: await this.#done(this.#letters()),
      dropped: this.#dropped,
    };
    await this.#treat('replay');
    await this.#rest();
    return { ...ending, healed: byKey(await this.#done(this.#effects())) };
  }

  async close(): Promise<void> {
    this.#ending = true;
    await this.#writer.end('abort');
    const closing = Promise.all(this.#processes.map((each) => each.close()));
    await this.#done(closing);
    await this.#bus.close();
  }

  async #rest(): Promise<void> {
    for (let i = 0; i < 100 && !(await this.#done(this.#isQuiet())); i++) await this.#pass(1_000);
    // What is still on its way must not have another effect.
    await this.#pass(2 * ackWaitMs);
    assert.ok(await this.#done(this.#isQuiet()), 'it never comes to rest');
  }

  async #treat(how: 'replay' | 'drop'): Promise<void> {
    const { deadLetters } = this.#publisher;
    const dead = await this.#done(deadLetters.list({}, { limit: 1_000 }));
    await this.#done(deadLetters[how]({ ids: dead.map(({ id }) => id) }));
    if (how === 'drop') for (const letter of dead) this.#dropped.add(labelOf(letter));
  }

  #befall(step: Step): void {
    if (step.kind === 'crash') this.#processes[step.process]?.doom(step.crash);
    else if (step.kind === 'sleep') this.#processes[step.process]?.sleep(step.ms);
    else if (step.kind === 'leave') this.#leave(step.process);
    else if (step.kind === 'broker') this.#weather.down = step.down;
    else if (step.kind === 'sending') this.#weather.publish.push(step.fault);
    else if (step.kind === 'delivering') this.#weather.delivery.push(step.fault);
    else if (step.kind === 'handling') this.#handling.push(step.fault);
  }

  /** Nobody waits for it: whatever comes next happens while it leaves. */
  #leave(slot: number): void {
    const leaving = this.#processes[slot];
    if (leaving === undefined || this.#leaving.has(leaving)) return;
    const follow = (): void => {
      // One that dies on its way out is followed already.
      if (!this.#ending && leaving.isAlive) this.#bear(slot);
    };
    this.#leaving.add(leaving);
    void leaving.close().then(follow, follow);
  }

  /** Starts a process; when it dies another takes its place. */
  #bear(slot: number): void {
    const born: ModelProcess<ModelTables & EventTables> = createModelProcess({
      ...{ store: this.#store, bus: this.#bus, clock: this.#clock, weather: this.#weather },
      ...{ image: this.#image, random: createSeededRandom(this.#seed + ++this.#births) },
      lostMs: ackWaitMs,
      relay: { leaseMs, batch: 3 },
      onDeath: () => {
        this.#clock.after(restartMs, () => {
          if (!this.#ending && this.#processes[slot] === born) this.#bear(slot);
        });
      },
    });
    this.#processes[slot] = born;
    born.events.start();
    void born.events.subscribe({
      ...{ consumer: 'warehouse', concurrency: 2, maxDeliveries, ackWaitMs },
      ...{ retryMs: 200, pauseMs: 200, leaseMs },
      ...this.#hearing,
      handlers: [
        on(OrderConfirmed, async ({ orderId, customerId }, { tx }) => {
          const effect = { label: customerId, order_key: orderId };
          await tx.insertInto('model_effects').values(effect).execute();
          const fault = this.#handling.shift();
          if (fault === 'throws') throw new Error('a fault of the handler');
          if (fault === 'outage') throw new MeshError('cut', { status: 'UNAVAILABLE' });
        }),
      ],
    });
  }

  /** Waits for work on the database, which may itself wait for its turn: that takes time. */
  async #done<T>(work: Promise<T>): Promise<T> {
    const pending = new Set([work]);
    const settled = (): void => {
      pending.delete(work);
    };
    work.then(settled, settled);
    await turn();
    for (let i = 0; pending.size > 0; i++) {
      assert.ok(i < 100_000, 'the database is never free');
      this.#clock.advance(this.#clock.nextMs ?? 0);
      await turn();
    }
    return work;
  }

  /** Lets time pass, and everything happen that is due on the way. */
  async #pass(ms: number): Promise<void> {
    const until = this.#clock.monotonic() + ms;
    await turn();
    let moments = 0;
    for (let next = this.#clock.nextMs; next !== undefined; next = this.#clock.nextMs) {
      assert.ok(++moments < 50_000, 'time stands still: something is done again and again at once');
      if (this.#clock.monotonic() + next > until) break;
      this.#clock.advance(next);
      await turn();
    }
    this.#clock.advance(until - this.#clock.monotonic());
    this.#unaged += ms;
    await this.#age();
  }

  /** Leases last by the time of the database, which no test can move; so they are made older instead. */
  async #age(): Promise<void> {
    if (this.#writer.isOpen || this.#unaged < 100) return;
    const ms = this.#unaged;
    this.#unaged = 0;
    const older = eventTables(this.#store.db)
      .updateTable('weft_lease')
      .set(({ eb }) => ({ expires_at: eb('expires_at', '-', ms) }));
    await this.#done(older.execute());
  }

  /** Whether all that was committed was sent, and had its effect, or is given up, or waits behind what is. */
  async #isQuiet(): Promise<boolean> {
    const db = eventTables(this.#store.db);
    const unsent = await db
      .selectFrom('weft_outbox')
      .select('id')
      .where('sent_at', 'is', null)
      .limit(1)
      .execute();
    const settled = new Set((await this.#effects()).map(({ label }) => label));
    const letters = await this.#letters();
    const stops = this.#hearing.ordered && this.#hearing.onDead === 'park-key';
    const stopped = new Set<string>();
    const isSettled = ({ key, label }: Labelled): boolean => {
      if (stopped.has(key) || settled.has(label) || this.#dropped.has(label)) return true;
      const isDead = letters.get(label)?.state === 'dead';
      if (isDead && stops) stopped.add(key);
      return isDead;
    };
    return unsent.length === 0 && this.#writer.committed.every(isSettled);
  }

  async #channel(): Promise<readonly Labelled[]> {
    const reading = readChannel(this.#bus);
    await turn();
    await reading.close();
    return reading.seen;
  }

  async #effects(): Promise<readonly Labelled[]> {
    const effects = this.#store.db.selectFrom('model_effects').selectAll().orderBy('seq');
    return (await effects.execute()).map(({ label, order_key: key }) => ({ key, label }));
  }

  async #letters(): Promise<Ending['letters']> {
    const page = { limit: 1_000, replayed: true };
    const letters = await this.#publisher.deadLetters.list({}, page);
    return new Map(
      letters.map((letter) => [labelOf(letter), { state: letter.state, replays: letter.replays }]),
    );
  }
}

function labelOf({ payload }: { readonly payload: Uint8Array }): string {
  return OrderConfirmed.decode(payload).customerId;
}

/** Lets everything happen that waits for no timer: in these rooms nothing else is a task of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
