import type { Consumption } from '../events/bus/bus.ts';
import type { Clock } from '../kernel/clock.ts';

/**
 * Before something is asked of database or broker; when a transaction has done its work and not committed
 * (whatever statement it dies at, the database rolls back, so one moment stands for all); when it is done
 * and nobody has heard the answer.
 */
export interface Crash {
  readonly moment: 'before' | 'inside' | 'after';
  readonly countdown: number;
}

/** Whether a process lives, when it dies, and whether it sleeps. */
export interface Life {
  alive: boolean;
  crash: { moment: Crash['moment']; countdown: number } | undefined;
  asleep: boolean;
  /** What would have happened to it meanwhile, in order. */
  readonly missed: (() => void)[];
  readonly consumptions: Consumption[];
  readonly onDeath: () => void;
}

// What a dead process waits for.
const never = new Promise<never>(() => undefined);

/** Whether the process is dead at this moment, or dies at it. */
export function isDead(life: Life, moment: Crash['moment']): boolean {
  const { alive, crash } = life;
  if (!alive) return true;
  if (crash?.moment !== moment || crash.countdown-- > 0) return false;
  life.alive = false;
  // The broker notices that the connection is gone; what was in hand comes again after a while.
  for (const consumption of life.consumptions) void consumption.close();
  life.onDeath();
  return true;
}

/** Something asked of the world, which a process may not live to ask, or to hear the answer of. */
export async function ask<T>(life: Life, work: () => Promise<T>): Promise<T> {
  if (life.asleep) await awake(life);
  if (isDead(life, 'before')) return never;
  const answer = await mortally(life, work);
  return isDead(life, 'after') ? never : answer;
}

/** Something that takes time, of which a process that dies meanwhile hears nothing, and one that sleeps later. */
export async function mortally<T>(life: Life, work: () => Promise<T>): Promise<T> {
  try {
    const answer = await work();
    if (life.asleep) await awake(life);
    return life.alive ? answer : await never;
  } catch (thrown) {
    if (life.asleep) await awake(life);
    if (life.alive) throw thrown;
    return never;
  }
}

/** Does it now or, to a process that sleeps, when that wakes. */
export function whenAwake(life: Life, task: () => void): void {
  if (life.asleep) life.missed.push(task);
  else task();
}

export function sleepFor(life: Life, ms: number, clock: Clock): void {
  if (life.asleep) return;
  life.asleep = true;
  clock.after(ms, () => {
    wake(life);
  });
}

export function wake(life: Life): void {
  life.asleep = false;
  for (const task of life.missed.splice(0)) task();
}

function awake(life: Life): Promise<void> {
  return new Promise((resolve) => {
    life.missed.push(resolve);
  });
}
