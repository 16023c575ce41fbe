import { MeshError } from '../../kernel/error.ts';

/** Commands that run one after the other, in the order in which they came. */
export interface Turns {
  /**
   * Runs `command` when its turn comes; its signal aborts when the last one will not wait for it. Throws
   * FAILED_PRECONDITION / MESH_STOPPING once the last one came.
   */
  take<T>(command: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /**
   * Takes the last turn: those before give up as soon as they can, and those that come later are refused.
   * What they started would be left behind by a supervisor that leaves.
   */
  finish<T>(command: () => Promise<T>): Promise<T>;
}

export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  const leaving = new AbortController();
  const queue = <T>(command: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const turn = last.then(() => command(leaving.signal));
    last = turn.catch(() => undefined);
    return turn;
  };
  return {
    take: (command) => (leaving.signal.aborted ? Promise.reject(stopping()) : queue(command)),
    finish(command) {
      leaving.abort();
      return queue(command);
    },
  };
}

function stopping(): MeshError {
  const message = 'the mesh here is being stopped; once weft down is done, weft up starts it again';
  return new MeshError(message, { status: 'FAILED_PRECONDITION', reason: 'MESH_STOPPING' });
}
