import { AsyncLocalStorage } from 'node:async_hooks';
import type { Transaction } from 'kysely';
import { MeshError } from '../kernel/error.ts';
import type { Log } from '../kernel/log.ts';

interface Scope {
  readonly tasks: (() => void)[];
  open: boolean;
}

/**
 * What one store knows of its running transactions: which asynchronous work stands inside of one, and what
 * is to be done once it has committed.
 */
export interface Scopes {
  /** Throws when the running work stands inside an open transaction of this store. */
  refuseNested(what: string): void;
  run<T>(tx: object, work: () => Promise<T>): Promise<T>;
  onCommit<DB>(tx: Transaction<DB>, task: () => void): boolean;
  /** Ends the scope of `tx`; gives what waited for its commit. */
  close(tx: object): readonly (() => void)[];
}

export function createScopes(): Scopes {
  const current = new AsyncLocalStorage<Scope>();
  const scopes = new WeakMap<object, Scope>();
  return {
    refuseNested(what) {
      // Work that outlives its transaction (a timer started inside) still carries the scope, but a closed one.
      if (current.getStore()?.open !== true) return;
      throw new MeshError(
        `${what} inside a transaction would wait for that transaction forever; use the tx that the work was given`,
        { status: 'FAILED_PRECONDITION', reason: 'NESTED_TRANSACTION' },
      );
    },
    run(tx, work) {
      const scope: Scope = { tasks: [], open: true };
      scopes.set(tx, scope);
      return current.run(scope, work);
    },
    onCommit(tx, task) {
      const scope = scopes.get(tx);
      if (scope?.open !== true) return false;
      scope.tasks.push(task);
      return true;
    },
    close(tx) {
      const scope = scopes.get(tx);
      if (scope?.open !== true) return [];
      scope.open = false;
      return scope.tasks;
    },
  };
}

/** Runs what waited for a commit. */
export function runTasks(tasks: readonly (() => void)[], log: Log): void {
  for (const task of tasks) {
    try {
      task();
    } catch (err) {
      log.error('a task after a commit failed; the commit stands', { err });
    }
  }
}
