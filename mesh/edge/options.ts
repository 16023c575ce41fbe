import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';
import type { Random } from '../kernel/random.ts';
import type { MetricsRegistry } from '../telemetry/registry.ts';
import type { SpanSink } from '../telemetry/spans.ts';
import type { TokenOptions } from './authenticate.ts';
import type { EdgeLimits } from './limits.ts';
import type { TlsFiles } from './listener.ts';
import type { Protocol } from './protocol.ts';
import type { RateOptions } from './rate-limit.ts';
import type { ShowOptions } from './show.ts';
import type { Upgrade } from './upgrade.ts';

/** What an edge shows, to whom, and how much of it; each part is off until it is said. */
export interface EdgeOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free one. */
  readonly port?: number;
  /** Certificate and key: HTTPS with HTTP/2 and HTTP/1.1. Default: HTTP/1.1 in the clear, for behind a proxy. */
  readonly tls?: TlsFiles;
  /** Whose tokens are believed. Default: nobody is asked for one. */
  readonly tokens?: TokenOptions;
  /** Pages that may ask, as "https://shop.example", "*" for all. Default: none. */
  readonly origins?: readonly string[];
  /** What each user may ask. Default: nobody counts. */
  readonly rate?: RateOptions;
  /**
   * Keys of W3C Baggage that are taken from outside, as "session". Default: none. Inside the mesh services believe
   * each other; a stranger could write any tenant or flag there that one of them goes by.
   */
  readonly baggage?: readonly string[];
  /** What a stranger may use up. */
  readonly limits?: Partial<EdgeLimits>;
  /** What of the mesh is shown, over REST, gRPC-Web and as OpenAPI. Default: nothing. */
  readonly show?: ShowOptions;
  /** Further ways to answer requests, asked first and in this order; the first that knows a request answers it. */
  readonly protocols?: readonly Protocol[];
  /** Who takes over connections that leave HTTP. */
  readonly upgrades?: readonly Upgrade[];
  /** Where the spans of requests go, as `tools.spans`. Default: nowhere. */
  readonly spans?: SpanSink;
  /** Where requests and connections are counted, as `tools.metrics`. Default: nowhere. */
  readonly metrics?: Pick<MetricsRegistry, 'observe'>;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: the machine's. */
  readonly random?: Random;
  /** Default: silent. */
  readonly log?: Log;
}
