import type { Identity } from '../../identity/identity.ts';
import type { Intentions } from '../../identity/intentions.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Random } from '../../kernel/random.ts';
import type { Image } from '../../schema/image.ts';
import type { RpcMetrics } from '../../telemetry/rpc-metrics.ts';
import type { SpanSink } from '../../telemetry/spans.ts';
import type { RefusedCaller } from '../mtls/authorize.ts';

export interface ServerOptions {
  /** The contracts of what is served: validation and reflection read them. */
  readonly image: Image;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
  /** Where the span of each call goes. Default: nowhere. */
  readonly spans?: SpanSink;
  /** What measures the calls. Default: nothing. */
  readonly metrics?: RpcMetrics;
  /** Largest message either way, in bytes. Default 1 MiB (grpc-js takes 4 MiB and sends without bound). */
  readonly maxMessageBytes?: number;
  /** Most metadata of a call, in bytes as HTTP/2 counts them. Default 8 KiB, as gRPC's C core. */
  readonly maxMetadataBytes?: number;
  /** Most calls at a time on one connection. Default 100 (Envoy's advice for edges). */
  readonly maxConcurrentStreams?: number;
  /** When a silent connection is pinged, in ms. Default 20 000; it is closed 5 000 ms later if no answer comes. */
  readonly keepaliveMs?: number;
  /** How long a connection may take to speak HTTP/2, in ms. Default 10 000. */
  readonly handshakeTimeoutMs?: number;
  /**
   * How long the end of a request stream is held back, in ms, because a cancel from Node's HTTP/2 looks like
   * an end at first. Default 10: on a quiet machine the reset follows within 0.1 ms (median) to 9 ms (max),
   * on a busy one it may take longer. A handler for which half a stream is worse than none should have its
   * messages say how many there are.
   */
  readonly resetGraceMs?: number;
  /**
   * How long the request of a unary call may take to arrive, in ms. Default 10 000, as for the handshake: a
   * body that trickles in holds one of the connection's slots, whatever deadline its sender claims. The call
   * ends with DEADLINE_EXCEEDED / REQUEST_TOO_SLOW.
   */
  readonly requestTimeoutMs?: number;
  /**
   * Whether callers of the mesh may send unary calls as messages of one lasting stream (weft.lane.v1), an
   * order of magnitude cheaper. Register 'weft-lane': '1' then, so that they know. Default true.
   */
  readonly lane?: boolean;
  /**
   * Who this server is. Connections are then mutual TLS alone, on the port and on the Unix socket, and only
   * callers of the same trust domain are served; health checks (grpc.health.v1.Health/Check) are open to all who
   * speak TLS. Default: no TLS.
   */
  readonly identity?: Identity | undefined;
  /** Who may call; asked for every call but those of health. Default: whoever has a certificate of the trust domain. */
  readonly intentions?: Intentions | undefined;
  /** Told of each call that was refused because of who made it. Default: nobody. */
  readonly onRefused?: ((refused: RefusedCaller) => void) | undefined;
  /** Whether tools may read the contracts from the server. Default true. */
  readonly reflection?: boolean;
}
