import { type Span, SpanKind } from '../../gen/weft/admin/v1/admin.ts';
import type { Tapped } from '../admin/tap-join.ts';

/** One call or handled event as `weft tap` tells of it; `-o json` prints it, one a line. */
export interface TapEntry {
  /** When it ended, as "2026-06-01T12:00:00.123Z". */
  readonly time: string;
  readonly kind: 'call' | 'event';
  /** The instance that called; the address of a caller outside of the mesh; for events "event". */
  readonly from: string;
  /** The instance that answered; for a call that reached none, the service. */
  readonly to: string;
  readonly method: string;
  readonly status: string;
  readonly reason: string;
  /** As the caller felt it, over all attempts. */
  readonly ms: number;
  /** What of it the handler took; absent when it did not tell. */
  readonly handlerMs?: number;
  /** "lane" or "plain"; "-" for what did not travel. */
  readonly transport: string;
  /** Attempts of a call, deliveries of an event. */
  readonly attempts: number;
  readonly traceId: string;
}

export function tapEntry({ span, handledUs }: Tapped): TapEntry {
  const [from, to] = sidesOf(span);
  return {
    time: endOf(span),
    kind: span.kind === SpanKind.CONSUMER ? 'event' : 'call',
    ...{ from, to, method: span.name, status: span.status, reason: span.reason },
    ms: Number(span.durationUs) / 1000,
    ...(handledUs !== undefined && { handlerMs: handledUs / 1000 }),
    transport: span.attempts === 0 || span.transport === '' ? '-' : span.transport,
    ...{ attempts: span.attempts, traceId: span.traceId },
  };
}

/** One line for a person. */
export function tapLine(entry: TapEntry): string {
  const { from, to, kind, status, reason, ms, handlerMs, transport, attempts, traceId } = entry;
  const times = handlerMs === undefined ? '' : ` (${spokenMs(handlerMs)} there)`;
  const repeats = kind === 'event' ? 'deliveries' : 'attempts';
  return [
    entry.time.slice(11, 23),
    `${from} → ${to}`.padEnd(34),
    shortName(entry.method).padEnd(28),
    (reason === '' ? status : `${status} (${reason})`).padEnd(4),
    `${spokenMs(ms)}${times}`.padEnd(9),
    ...(transport === '-' ? [] : [transport.padEnd(5)]),
    ...(attempts > 1 ? [`${attempts} ${repeats}`] : []),
    traceId,
  ].join('  ');
}

/** Whether one of its sides is this instance, or an instance of this service, or this address. */
export function concerns({ span }: Tapped, entry: TapEntry, peer: string): boolean {
  if ([entry.from, entry.to, span.peer, span.target].includes(peer)) return true;
  return span.kind === SpanKind.CLIENT && span.service === peer;
}

function sidesOf(span: Span): [from: string, to: string] {
  if (span.kind === SpanKind.CLIENT) return [span.instanceId, span.endpoint || span.target];
  const from = span.kind === SpanKind.CONSUMER ? 'event' : outside(span.peer);
  return [from, span.instanceId];
}

/** Who calls over a Unix socket has no address. */
function outside(peer: string): string {
  return peer === '' || peer === 'unix:' ? 'outside' : peer;
}

/** "shop.orders.v1.OrdersService/PlaceOrder" is OrdersService/PlaceOrder to a person; so is an event its last part. */
function shortName(name: string): string {
  if (name.includes(' ')) return name;
  return name.split('.').at(-1) ?? name;
}

function spokenMs(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

function endOf({ startTime, durationUs }: Span): string {
  const startMs = Number(startTime?.seconds ?? 0n) * 1000 + (startTime?.nanos ?? 0) / 1e6;
  return new Date(startMs + Number(durationUs) / 1000).toISOString();
}
