import assert from 'node:assert/strict';
import type { Ending, Hearing } from './model-steps.ts';

/** What must hold of every ending, however it came to it; throws with what does not. */
export function hold(ending: Ending, hearing: Hearing = { ordered: false }): void {
  const { committed, channel, effects, letters, dropped, healed } = ending;
  // Each key's events stand on the channel in the order in which they were committed.
  assert.deepEqual(channel, committed);
  const dead = [...letters].filter(([, { state }]) => state === 'dead').map(([label]) => label);
  // What was given up is handled only after a person gave it back.
  for (const { state, replays } of letters.values()) assert.ok(state === 'dead' || replays > 0);
  // In the end each event has had its effect once, or was dropped: never both, never neither; nothing else has.
  const all = flat(committed);
  assert.deepEqual(flat(healed).sort(), all.filter((label) => !dropped.has(label)).sort());
  if (hearing.ordered) {
    holdOrder(ending, hearing);
    return;
  }
  // And before that it waits for a person, if it has had none.
  assert.deepEqual([...flat(effects), ...dead, ...dropped].sort(), all.sort());
}

function holdOrder(
  { committed, effects, letters, dropped, healed }: Ending,
  { onDead }: Extract<Hearing, { ordered: true }>,
): void {
  for (const [key, order] of committed) {
    const [had, inTheEnd] = [effects.get(key) ?? [], healed.get(key) ?? []];
    if (onDead === 'park-key') {
      // Past what was dropped, never past what waits for a person.
      const stop = order.findIndex((label) => letters.get(label)?.state === 'dead');
      const due = order.filter((label) => !dropped.has(label));
      const passed = stop < 0 ? order : order.slice(0, stop);
      assert.deepEqual(
        had,
        passed.filter((label) => !dropped.has(label)),
        `effects of ${key}`,
      );
      assert.deepEqual(inTheEnd, due, `effects of ${key} in the end`);
    } else {
      // The key has gone on without what was given up, which may come later; all others keep their order.
      const always = (label: string): boolean => !letters.has(label) && !dropped.has(label);
      assert.deepEqual(had.filter(always), order.filter(always), `effects of ${key}`);
      assert.deepEqual(inTheEnd.filter(always), order.filter(always), `${key} in the end`);
    }
  }
}

function flat(labels: ReadonlyMap<string, readonly string[]>): string[] {
  return [...labels.values()].flat();
}
