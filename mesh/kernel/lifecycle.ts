import { describe, MeshError } from './error.ts';

/** Whatever holds a socket, a timer or a file. `close` drains, may be called twice, and does not throw for what is gone already. */
export interface Closeable {
  /** Drains and releases; resolves when nothing is left. */
  close(): Promise<void>;
}

/**
 * Closes in the reverse of the order in which things were opened, each one even if another fails; then
 * throws one error that names every failure.
 */
export async function closeAll(opened: readonly Closeable[]): Promise<void> {
  const failures: unknown[] = [];
  for (const each of [...opened].reverse()) {
    try {
      await each.close();
    } catch (thrown) {
      failures.push(thrown);
    }
  }
  if (failures.length === 0) return;
  throw new MeshError(`closing failed: ${failures.map(describe).join('; ')}`, {
    status: 'INTERNAL',
    reason: 'CLOSE_FAILED',
    cause: new AggregateError(failures),
  });
}
