/** Every wait of a demo ends: with what was waited for, or with a sentence that says what was not seen. */
import { type Clock, MeshError } from '#mesh';

const pollMs = 50;

/**
 * Asks until the answer is yes. A service that is not back yet has not said yes; nor has one that never answers:
 * a probe without a time limit of its own is not waited for longer than the rest.
 */
export async function until(
  what: string,
  probe: () => Promise<boolean>,
  { withinMs, clock }: { readonly withinMs: number; readonly clock: Clock },
): Promise<void> {
  const end = clock.monotonic() + withinMs;
  const late = (): MeshError => notSeen(what, withinMs);
  for (;;) {
    const leftMs = end - clock.monotonic();
    if (leftMs <= 0) throw late();
    if (await within(probe().catch(unlessAway), { ms: leftMs, late, clock })) return;
    await clock.sleep(pollMs);
  }
}

/** What `work` comes to, or `late` if it has not come to anything by then. */
export async function within<T>(
  work: Promise<T>,
  {
    ms,
    late,
    clock,
  }: { readonly ms: number; readonly late: () => MeshError; readonly clock: Clock },
): Promise<T> {
  const over = Promise.withResolvers<never>();
  const cancel = clock.after(ms, () => {
    over.reject(late());
  });
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    cancel();
  }
}

export function notSeen(what: string, withinMs: number): MeshError {
  return new MeshError(
    `${what}: not seen within ${String(withinMs / 1000)} s; look at: make ps, make logs`,
    { status: 'DEADLINE_EXCEEDED', reason: 'NOT_SEEN' },
  );
}

/** Callers of a service that comes back learn of it within moments. */
function unlessAway(thrown: unknown): false {
  const { status } = MeshError.from(thrown);
  if (status === 'UNAVAILABLE' || status === 'DEADLINE_EXCEEDED') return false;
  throw thrown;
}
