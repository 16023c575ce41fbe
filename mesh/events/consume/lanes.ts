import type { Clock } from '../../kernel/clock.ts';

/** What a job came to: undefined = it is over; else its lane stands still and it runs again after `againMs`. */
export type Again = { readonly againMs: number } | undefined;

/** Jobs in lanes: those of one lane run one after another, in the order in which they came; lanes run side by side. */
export interface Lanes<Job> {
  /** Puts a job at the end of a lane. */
  add(lane: string, job: Job): void;
  /** Takes out what does not run and is chosen; gives it back. A job that waits to run again does not run. */
  remove(chosen: (job: Job) => boolean): Job[];
}

export interface LanesOptions<Job> {
  /** Most jobs that run at a time. */
  readonly slots: number;
  /** Must not throw. */
  readonly run: (job: Job) => Promise<Again>;
  readonly clock: Clock;
}

interface Lane<Job> {
  readonly name: string;
  readonly jobs: Job[];
  state: 'ready' | 'running' | 'waiting';
  /** Ends the wait. */
  cancel: () => void;
}

/** A lane whose first job waits holds no slot, so what fails in one lane never slows down another. */
export function createLanes<Job>(options: LanesOptions<Job>): Lanes<Job> {
  return new LaneMachine(options);
}

class LaneMachine<Job> implements Lanes<Job> {
  readonly #lanes = new Map<string, Lane<Job>>();
  readonly #ready: Lane<Job>[] = [];
  #running = 0;
  readonly #options: LanesOptions<Job>;

  constructor(options: LanesOptions<Job>) {
    this.#options = options;
  }

  add(name: string, job: Job): void {
    const lane = this.#lanes.get(name);
    if (lane !== undefined) {
      lane.jobs.push(job);
      return;
    }
    const fresh: Lane<Job> = { name, jobs: [job], state: 'ready', cancel: () => undefined };
    this.#lanes.set(name, fresh);
    this.#ready.push(fresh);
    this.#pump();
  }

  remove(chosen: (job: Job) => boolean): Job[] {
    const removed: Job[] = [];
    for (const lane of [...this.#lanes.values()]) {
      const running = lane.state === 'running' ? lane.jobs.splice(0, 1) : [];
      const [out, kept] = [lane.jobs.filter(chosen), lane.jobs.filter((job) => !chosen(job))];
      removed.push(...out);
      lane.jobs.splice(0, lane.jobs.length, ...running, ...kept);
      if (lane.jobs.length === 0) this.#end(lane);
    }
    return removed;
  }

  #pump(): void {
    while (this.#running < this.#options.slots) {
      const lane = this.#ready.shift();
      if (lane === undefined) return;
      void this.#run(lane);
    }
  }

  async #run(lane: Lane<Job>): Promise<void> {
    const [job] = lane.jobs;
    if (job === undefined) return;
    lane.state = 'running';
    this.#running++;
    const again = await this.#options.run(job);
    this.#running--;
    if (again === undefined) this.#next(lane);
    else this.#wait(lane, again.againMs);
    this.#pump();
  }

  #next(lane: Lane<Job>): void {
    lane.jobs.shift();
    if (lane.jobs.length === 0) this.#end(lane);
    else this.#makeReady(lane);
  }

  #wait(lane: Lane<Job>, ms: number): void {
    lane.state = 'waiting';
    lane.cancel = this.#options.clock.after(ms, () => {
      this.#makeReady(lane);
      this.#pump();
    });
  }

  #makeReady(lane: Lane<Job>): void {
    lane.state = 'ready';
    this.#ready.push(lane);
  }

  #end(lane: Lane<Job>): void {
    lane.cancel();
    this.#lanes.delete(lane.name);
    const at = this.#ready.indexOf(lane);
    if (at >= 0) this.#ready.splice(at, 1);
  }
}
