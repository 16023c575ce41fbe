import type { PolicyRow } from '../config/effective.ts';

/** The policy as a process applies it to those that it calls. The client side of rpc tells it. */
export interface PolicyView {
  /** One entry for each target that there is a client for. */
  policies(): readonly TargetPolicyView[];
}

export interface TargetPolicyView {
  /** The service name in discovery. */
  readonly target: string;
  /** Every value that stands, those of the target first. */
  readonly rows: readonly PolicyRow[];
  /** What was said and refused, in a sentence each; what stood before it goes on. */
  readonly faults?: readonly string[] | undefined;
}
