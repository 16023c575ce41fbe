import type { Outcome } from '../../balance/peer.ts';
import type { Metadata, MethodInfo, TransportKind } from '../../kernel/call.ts';
import type { Connection } from '../transport.ts';
import type { ClientContext } from './context.ts';

/** Where the attempts of a target's calls go. */
export interface Route {
  /** Where traffic splitting sends a call that begins now; -1 as long as nobody knows. */
  draw(method: MethodInfo, metadata: Metadata): number;
  /** Longest time of a call there, in ms; undefined: no bound of its own. */
  timeoutMsAt(destination: number): number | undefined;
  /**
   * An endpoint for one attempt, another than those that failed the call if there is one. Undefined as long
   * as discovery has not answered: then it is `takeLater`. `nowMs` is monotonic; with `share`, the attempt may
   * go where the last one of this turn of the event loop went. Throws UNAVAILABLE / NO_ENDPOINT,
   * FAILED_PRECONDITION / CLIENT_CLOSED.
   */
  take(context: ClientContext, nowMs: number, share: boolean): Lent | undefined;
  /** Whether there is an endpoint that has not failed the call yet. */
  hasOther(context: ClientContext): boolean;
  /** The same as `take`, once discovery has answered; waits no longer than the call may. */
  takeLater(context: ClientContext): Promise<Lent>;
}

/** An endpoint lent out for one attempt; a Pick of the balancer is one. */
export interface Lent {
  readonly endpoint: { readonly instanceId: string };
  readonly resource: Reached;
  /** The first message of a stream has come: the endpoint works, however the stream ends. */
  answered(): void;
  done(outcome: Outcome, nowMs?: number): void;
}

/** An endpoint and the way there. */
export interface Reached {
  readonly connection: Pick<Connection, 'unary' | 'stream'>;
  /** "host:port". */
  readonly address: string;
  /** How the last attempt that was answered travelled. */
  transport: TransportKind;
}
