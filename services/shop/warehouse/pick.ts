/**
 * What a pick is and whose word counts for it: decisions over plain data, no I/O.
 *
 *     open -> assigned -> shipped
 *          <- (lease ran out, terminal gone)
 */

/** One article and how many of it. */
export interface PickLine {
  readonly sku: string;
  readonly quantity: number;
}

/** What a confirmed order becomes when it reaches the warehouse. */
export interface NewPick {
  /** The order, and the pick's key. */
  readonly orderId: string;
  /** Kept for the event that says it is shipped. */
  readonly customerId: string;
  readonly lines: readonly PickLine[];
  /** When the order reached the warehouse, wall ms; the oldest is picked first. */
  readonly createdAtMs: number;
}

/** Waiting for a terminal; the last one that held it may still confirm it. */
export interface OpenPick extends NewPick {
  readonly status: 'open';
  readonly lastTerminalId: string | undefined;
}

/**
 * Held by a terminal until the lease runs out. The lease is kept alive as long as the terminal's stream
 * lives; so a pick comes back even if the warehouse itself dies.
 */
export interface AssignedPick extends NewPick {
  readonly status: 'assigned';
  readonly terminalId: string;
  readonly leaseUntilMs: number;
}

/** Packed and handed to the carrier. */
export interface ShippedPick extends NewPick {
  readonly status: 'shipped';
  readonly terminalId: string;
  readonly shippedAtMs: number;
}

/** A pick, wherever it stands. */
export type Pick = OpenPick | AssignedPick | ShippedPick;

/** The pick as it stands now: an assignment whose lease ran out is open. */
export function standing(pick: Pick, nowMs: number): Pick {
  if (pick.status !== 'assigned' || pick.leaseUntilMs > nowMs) return pick;
  const { orderId, customerId, lines, createdAtMs, terminalId } = pick;
  return { orderId, customerId, lines, createdAtMs, status: 'open', lastTerminalId: terminalId };
}

/** What becomes of a terminal's word that a pick is packed. */
export type Confirmation =
  /** Good: it is shipped now. */
  | { readonly kind: 'ship' }
  /** Said before, as by a terminal that did not see its first word arrive. */
  | { readonly kind: 'shipped-before' }
  /** Not good; the text completes "cannot ship order X: ...". */
  | { readonly kind: 'refused'; readonly because: string };

/**
 * A pick may be confirmed by the terminal that holds it, or that held it last and lost its connection: it
 * did pack it. Once another terminal holds it, there may be two parcels, and a person has to look.
 */
export function confirmation(pick: Pick | undefined, terminalId: string): Confirmation {
  if (pick === undefined) return { kind: 'refused', because: 'there is no such pick' };
  switch (pick.status) {
    case 'shipped':
      return pick.terminalId === terminalId
        ? { kind: 'shipped-before' }
        : { kind: 'refused', because: `terminal ${pick.terminalId} has shipped it` };
    case 'assigned':
      return pick.terminalId === terminalId
        ? { kind: 'ship' }
        : { kind: 'refused', because: `terminal ${pick.terminalId} holds it now` };
    case 'open':
      return pick.lastTerminalId === terminalId
        ? { kind: 'ship' }
        : { kind: 'refused', because: 'this terminal was never given it' };
  }
}
