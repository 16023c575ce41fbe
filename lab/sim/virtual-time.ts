import { aborted, type Clock } from '../../mesh/kernel/clock.ts';

/** Time that moves only by what is to happen next. */
export interface VirtualTime {
  readonly clock: Clock;
  /** Runs `task` at `atMs`; tasks of one moment in the order in which they were asked for. */
  at(atMs: number, task: () => void): () => void;
  /** Moves to the next task and runs it; false if there is none until `untilMs`, which it is then. */
  step(untilMs: number): boolean;
}

interface Task {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** The day on which every simulation begins, in ms since the epoch. */
const epochMs = 1_750_000_000_000;

export function createVirtualTime(): VirtualTime {
  const heap: Task[] = [];
  let nowMs = 0;
  let order = 0;

  const at = (atMs: number, run: () => void): (() => void) => {
    const task: Task = { atMs: Math.max(atMs, nowMs), order: order++, run };
    push(heap, task);
    return () => {
      task.run = undefined;
    };
  };
  const after = (ms: number, task: () => void): (() => void) => at(nowMs + ms, task);

  return {
    at,
    clock: {
      now: () => epochMs + nowMs,
      monotonic: () => nowMs,
      after,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          const stop = after(ms, () => {
            signal?.removeEventListener('abort', onAbort);
            resolve();
          });
          const onAbort = (): void => {
            stop();
            if (signal !== undefined) reject(aborted(signal, 'a wait'));
          };
          if (signal?.aborted === true) onAbort();
          else signal?.addEventListener('abort', onAbort, { once: true });
        }),
    },
    step(untilMs) {
      for (let next = heap[0]; next !== undefined && next.atMs <= untilMs; next = heap[0]) {
        pop(heap);
        if (next.run === undefined) continue;
        nowMs = next.atMs;
        next.run();
        return true;
      }
      nowMs = Math.max(nowMs, untilMs);
      return false;
    },
  };
}

function isBefore(a: Task, b: Task): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** A binary heap: half a million timers are set in a run, and most are taken back before they are due. */
function push(heap: Task[], task: Task): void {
  let at = heap.length;
  heap.push(task);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent];
    if (above === undefined || !isBefore(task, above)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = task;
}

function pop(heap: Task[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    const left = heap[2 * at + 1];
    const right = heap[2 * at + 2];
    if (left === undefined) break;
    const useRight = right !== undefined && isBefore(right, left);
    const least = useRight ? right : left;
    if (!isBefore(least, last)) break;
    heap[at] = least;
    at = 2 * at + (useRight ? 2 : 1);
  }
  heap[at] = last;
}
