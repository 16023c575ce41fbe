import { jitter, type Random } from '../../kernel/random.ts';
import { noteInOutput } from './output.ts';
import type { ProcessPlan } from './plan.ts';
import { signalGroup } from './process-table.ts';
import type { IsReady } from './readiness.ts';
import { type Run, type RunOptions, startRun } from './run.ts';

/**
 * stopped -> starting -> ready, and from both of these: a crash -> waiting -> starting, or a stop ->
 * stopping -> stopped.
 */
export type ChildState =
  /** Nobody wants it to run. */
  | { readonly name: 'stopped' }
  /** It runs, and was not yet seen ready. */
  | { readonly name: 'starting'; readonly run: Run }
  /** It was seen ready at this monotonic ms. */
  | { readonly name: 'ready'; readonly run: Run; readonly sinceMs: number }
  /** It crashed, and starts again by itself. */
  | { readonly name: 'waiting'; readonly cancel: () => void }
  /** It was told to end; resolves with true if it had to be killed after its grace. */
  | { readonly name: 'stopping'; readonly run: Run; readonly done: Promise<boolean> };

/** What became of the earlier lives of a process. */
export interface History {
  /** How often it was started again after a crash. */
  restarts: number;
  /** Crashes in a row since it was told to start or was in good health. */
  failures: number;
  /** How its last life ended, as "exit code 1" or "SIGKILL"; undefined during the first. */
  lastExit: string | undefined;
}

/** One process that is kept running. */
export interface Child {
  readonly plan: ProcessPlan;
  readonly state: () => ChildState;
  readonly history: () => Readonly<History>;
  /** Wants it to run. Nothing happens if it does. */
  readonly start: () => void;
  /** Wants it gone; resolves when it is, with true if it had to be killed after its grace. */
  readonly stop: () => Promise<boolean>;
}

export interface ChildOptions extends RunOptions {
  readonly plan: ProcessPlan;
  readonly random: Random;
  readonly isReady: IsReady;
  /** Called after every change of state. */
  readonly onChange: () => void;
}

/** Restart after a crash: 200 ms, doubling to 30 s, +-20 %; anew after 10 s of good health. */
const backoff = { firstMs: 200, mostMs: 30_000, healthyMs: 10_000 };
const probeEveryMs = 100;

export function createChild(options: ChildOptions): Child {
  const { plan, clock } = options;
  let state: ChildState = { name: 'stopped' };
  const history: History = { restarts: 0, failures: 0, lastExit: undefined };

  const enter = (next: ChildState): void => {
    state = next;
    options.onChange();
  };

  function launch(): void {
    const run = startRun(plan, options);
    enter({ name: 'starting', run });
    void run.ended.then((how) => {
      history.lastExit = how;
      if ('run' in state && state.run === run && state.name !== 'stopping') crashed(state);
    });
    const starting = (): boolean => state.name === 'starting' && state.run === run;
    void untilReady(options, starting).then((ready) => {
      if (ready) enter({ name: 'ready', run, sinceMs: clock.monotonic() });
    });
  }

  function crashed(life: Extract<ChildState, { name: 'starting' | 'ready' }>): void {
    // What it started must not hold the port of the next one.
    signalGroup(life.run.mark.pid, 'SIGKILL');
    const healthy = life.name === 'ready' && clock.monotonic() - life.sinceMs > backoff.healthyMs;
    history.failures = healthy ? 1 : history.failures + 1;
    const againInMs = pauseMs(history.failures, options.random);
    const { lastExit = '' } = history;
    noteInOutput(plan.log, `${plan.id} ended (${lastExit}); again in ${againInMs} ms`);
    const cancel = clock.after(againInMs, () => {
      history.restarts += 1;
      launch();
    });
    enter({ name: 'waiting', cancel });
  }

  async function end(run: Run): Promise<boolean> {
    const done = run.end(plan.graceMs);
    enter({ name: 'stopping', run, done });
    const killed = await done;
    enter({ name: 'stopped' });
    return killed;
  }

  return {
    plan,
    state: () => state,
    history: () => history,
    start() {
      if (state.name !== 'stopped' && state.name !== 'waiting') return;
      if (state.name === 'waiting') state.cancel();
      history.failures = 0;
      launch();
    },
    async stop() {
      if (state.name === 'stopping') return state.done;
      if (state.name === 'starting' || state.name === 'ready') return end(state.run);
      if (state.name === 'waiting') state.cancel();
      enter({ name: 'stopped' });
      return false;
    },
  };
}

/** The pause before a restart after so many crashes in a row, in ms. */
function pauseMs(failures: number, random: Random): number {
  const ms = Math.min(backoff.mostMs, backoff.firstMs * 2 ** (failures - 1));
  return Math.round(jitter(ms, 0.2, random));
}

/** Asks until the process is ready (true) or is not starting any more (false). */
async function untilReady(
  { plan, clock, isReady }: ChildOptions,
  starting: () => boolean,
): Promise<boolean> {
  while (starting()) {
    if (await isReady(plan.ready)) return starting();
    await clock.sleep(probeEveryMs);
  }
  return false;
}
