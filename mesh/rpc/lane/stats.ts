/** Why a call did not take the lane. */
export type PlainReason =
  /** The instance serves no lanes. */
  | 'no-lane'
  /** The lane is being opened, or was lost a moment ago. */
  | 'opening'
  /** The request is large. */
  | 'body'
  /** The metadata is large. */
  | 'metadata'
  /** The server did not name the method. */
  | 'method'
  /** Every lane is full. */
  | 'full'
  /** It is a stream. */
  | 'stream';

/** What a connection has carried, and how. */
export interface LaneStats {
  /** Lanes that are open now. */
  readonly lanes: number;
  /** Unary calls that took a lane. */
  readonly laneCalls: number;
  /** Calls that went plainly, by reason. */
  readonly plainCalls: Readonly<Record<PlainReason, number>>;
  /** Messages written, and the calls and cancels in them: how well they are gathered. */
  readonly writes: number;
  readonly written: number;
}

export function noPlainCalls(): Record<PlainReason, number> {
  return { 'no-lane': 0, opening: 0, body: 0, metadata: 0, method: 0, full: 0, stream: 0 };
}
