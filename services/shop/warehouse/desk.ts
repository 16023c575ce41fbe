/**
 * The place of one terminal for as long as its stream lives. What it is given is leased, and the desk keeps
 * the lease alive: when the terminal goes, the desk gives its picks back; when this process goes, the lease
 * runs out; either way nothing stays with somebody who is not there.
 */
import {
  type Bell,
  type Clock,
  type Log,
  MeshError,
  type Random,
  runInContext,
  type Store,
  sortableId,
} from '#mesh';
import type { PublishShipped } from './events.ts';
import type { AssignedPick } from './pick.ts';
import type { PickStore, WarehouseDb } from './store.ts';

export interface DeskOptions {
  readonly store: Store<WarehouseDb>;
  readonly picks: PickStore;
  readonly bell: Bell;
  readonly publish: PublishShipped;
  /** How long a pick stays with a terminal of which nothing is heard, in ms; renewed three times as often. */
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface Desk {
  /** Picks for the hands that are free; empty when there is no work. */
  fill(): Promise<readonly AssignedPick[]>;
  /** Ships what the terminal has packed. Throws FAILED_PRECONDITION for a pick that is not the terminal's. */
  packed(orderId: string): Promise<void>;
  /** Gives back what is held, and ends the lease. */
  leave(): Promise<void>;
}

export function openDesk(
  options: DeskOptions,
  { terminalId, capacity }: { readonly terminalId: string; readonly capacity: number },
): Desk {
  const { store, picks, bell, publish, leaseMs, clock, random, log } = options;
  const session = { sessionId: sortableId(clock.now(), random), terminalId };
  const held = new Set<string>();
  const stop = new AbortController();
  const renewing = renew();

  async function renew(): Promise<void> {
    for (;;) {
      await clock.sleep(leaseMs / 3, stop.signal).catch(() => undefined);
      if (stop.signal.aborted) return;
      const before = [...held];
      if (before.length === 0) continue;
      try {
        const kept = new Set(await picks.renew(session, clock.now() + leaseMs));
        // What another terminal was given meanwhile (this process had stood still) is not held any more.
        for (const orderId of before) if (!kept.has(orderId)) held.delete(orderId);
      } catch (err) {
        log.warn('the picks of a terminal could not be kept for it', { terminal: terminalId, err });
      }
    }
  }

  return {
    async fill() {
      const limit = capacity - held.size;
      if (limit <= 0) return [];
      const nowMs = clock.now();
      const given = await picks.claim(session, { nowMs, untilMs: nowMs + leaseMs, limit });
      for (const { orderId } of given) held.add(orderId);
      return given;
    },

    async packed(orderId) {
      const word = { orderId, terminalId, nowMs: clock.now() };
      const judged = await store.transaction(async (tx) => {
        const { confirmation, pick, origin } = await picks.confirm(tx, word);
        if (confirmation.kind !== 'ship' || !pick) return confirmation;
        // The stream is the terminal's and lasts a shift; what it ships belongs to the order's own trace and baggage.
        await runInContext(origin, () => publish(tx, { ...word, pick }));
        return confirmation;
      });
      if (judged.kind === 'refused') throw notHeld(word, judged.because);
      held.delete(orderId);
      bell.ring();
    },

    async leave() {
      stop.abort();
      await renewing;
      await picks.giveBack(session);
      bell.ring();
    },
  };
}

function notHeld(word: { orderId: string; terminalId: string }, because: string): MeshError {
  return new MeshError(
    `terminal ${word.terminalId} cannot ship order "${word.orderId}": ${because}; put the goods aside, connect again and take what is given`,
    {
      status: 'FAILED_PRECONDITION',
      reason: 'PICK_NOT_HELD',
      details: { facts: { order_id: word.orderId, terminal_id: word.terminalId } },
    },
  );
}
