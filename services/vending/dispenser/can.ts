/**
 * What becomes of the can of a sale: plain data, no I/O.
 *
 *     nothing -> held -> dropped
 *             \-> missing <-/ (before it dropped)
 */

export type CanStatus = 'held' | 'dropped' | 'missing';

export interface Can {
  readonly saleId: string;
  readonly machineId: string;
  readonly itemId: string;
  readonly status: CanStatus;
  /** Why it will not drop; empty otherwise. */
  readonly reason: string;
}

/** What is asked of the dispenser. */
export type Wish =
  /** The item is selected: keep a can. */
  | 'hold'
  /** The sale is paid: drop it. */
  | 'drop'
  /** The sale is over: put it back. */
  | 'give up';

/** What the machine is like at this moment. */
export interface Shelf {
  /** Cans of the item that are not kept for anybody. */
  readonly free: number;
  readonly jammed: boolean;
}

/** The status that follows, and why a can is missing; undefined: nothing changes. */
export function next(
  can: Pick<Can, 'status'> | undefined,
  wish: Wish,
  { free, jammed }: Shelf,
): Pick<Can, 'status' | 'reason'> | undefined {
  if (can?.status === 'dropped' || can?.status === 'missing') return undefined;
  if (wish === 'give up') return missing('GIVEN_UP');
  if (can === undefined && free < 1) return missing('SOLD_OUT');
  if (wish === 'hold') return can === undefined ? { status: 'held', reason: '' } : undefined;
  return jammed ? missing('JAMMED') : { status: 'dropped', reason: '' };
}

function missing(reason: string): Pick<Can, 'status' | 'reason'> {
  return { status: 'missing', reason };
}
