/**
 * Empties the young generation, so that a block of traffic does not fill it. Not a full collection: between the
 * blocks of one side there are those of the others, nothing of it is alive then, and V8 throws away the shapes of
 * its objects with all code that was compiled for them. Before each block that made calls up to 2.4 times as
 * dear, the cheap ones most of all: it measured a process that starts, over and over.
 */
export async function collectYoung(): Promise<void> {
  collector()({ type: 'minor' });
  await turns(3);
}

/** Collects all garbage, and waits until that is told; for those who measure what is left. */
export async function collectAll(): Promise<void> {
  collector()();
  await turns(3);
}

function collector(): NodeJS.GCFunction {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc');
  return globalThis.gc;
}

/** Some turns of the event loop: collections are told that late. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
