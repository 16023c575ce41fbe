/** What a member of the chain and the experiment that started it tell each other. */
export type Role = 'a' | 'b' | 'c';

/** How the members talk: plain grpc-js as people begin with it, or through weft. */
export type Kind = 'plain' | 'weft';

/** The settings of a member, in the variable MEMBER as JSON. */
export interface MemberOptions {
  readonly kind: Kind;
  readonly role: Role;
  /** As "c-2". */
  readonly instance: string;
  /** The same after a restart. */
  readonly port: number;
  /** plain: where the next one in the chain listens. */
  readonly next: readonly string[];
  /**
   * round-robin: each next one gets its share. first: the first one gets all as long as its connection
   * stands. The names are those of grpc-js.
   */
  readonly choose: 'round_robin' | 'pick_first';
  /** weft: the address of Consul. */
  readonly consul: string;
  /** weft: in discovery only while it holds the lock; the others with the lock stand by. */
  readonly standby: boolean;
  /** C's external resource. */
  readonly external: { readonly connections: number; readonly usualMs: number };
}

/** From the member to the experiment. */
export type Report =
  /** It listens, and where weft is, it is found. Those that stand by are ready when they wait for the lock. */
  | { readonly what: 'ready' }
  /** How many calls its handlers have in hand, told every 50 ms. */
  | { readonly what: 'load'; readonly inFlight: number };
