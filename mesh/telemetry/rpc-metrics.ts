import type { MethodInfo, TransportKind } from '../kernel/call.ts';
import type { Status } from '../kernel/status.ts';

/**
 * What rpc tells of its calls. A meter is made once for each method and kept; telling it something is a few
 * additions, without a promise, a string or a lookup, because it is done several times a call.
 */
export interface RpcMetrics {
  /** The meter of a method as its callers see it; `target` is the service name in discovery. */
  client(target: string, method: MethodInfo): ClientMeter;
  /** The meter of a method as its server sees it. */
  server(method: MethodInfo): ServerMeter;
}

/** How a call was tried again, as gRFC A96 counts it. */
export interface Repeats {
  /** Attempts in place of those that failed. */
  readonly retries: number;
  /** Attempts in place of those that never left this process. */
  readonly transparent: number;
  /** Attempts beside one that was still out. */
  readonly hedges: number;
  /** Time while no attempt was out, in ms. */
  readonly delayMs: number;
}

export interface ClientMeter {
  callStarted(): void;
  /** One call has ended, with all its attempts; `attempts` is 0 for a call that was refused here. */
  callEnded(status: Status, durationMs: number, attempts: number): void;
  /** The same call had more than one attempt. */
  callRepeated(repeats: Repeats): void;
  attemptStarted(): void;
  attemptEnded(
    status: Status,
    durationMs: number,
    transport: TransportKind,
    sentBytes: number,
    receivedBytes: number,
  ): void;
}

export interface ServerMeter {
  callStarted(): void;
  callEnded(
    status: Status,
    durationMs: number,
    transport: TransportKind,
    sentBytes: number,
    receivedBytes: number,
  ): void;
}

const nothing = (): void => undefined;
const noClientMeter: ClientMeter = {
  callStarted: nothing,
  callEnded: nothing,
  callRepeated: nothing,
  attemptStarted: nothing,
  attemptEnded: nothing,
};
const noServerMeter: ServerMeter = { callStarted: nothing, callEnded: nothing };

/** Measures nothing; the default of library parts used alone. */
export const noRpcMetrics: RpcMetrics = {
  client: () => noClientMeter,
  server: () => noServerMeter,
};
