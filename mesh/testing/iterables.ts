/** Reads to the end; how many there were. */
export async function countOf(messages: AsyncIterable<unknown>): Promise<number> {
  const reader = messages[Symbol.asyncIterator]();
  let count = 0;
  while ((await reader.next()).done !== true) count++;
  return count;
}

/** Reads one and leaves, as `break` does in a loop. */
export async function firstOf<T>(messages: AsyncIterable<T>): Promise<T | undefined> {
  const reader = messages[Symbol.asyncIterator]();
  const first = await reader.next();
  await reader.return?.();
  return first.done === true ? undefined : first.value;
}
