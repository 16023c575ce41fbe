import type { Clock } from '../kernel/clock.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import type { Log } from '../kernel/log.ts';
import type { Random } from '../kernel/random.ts';
import { createSpanExporter } from '../telemetry/otlp/exporter.ts';
import { bothSinks, type SpanSink } from '../telemetry/spans.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Settings } from './settings.ts';

interface Exporting {
  readonly service: string;
  /** Its id. */
  readonly instance: string;
  readonly telemetry: Pick<Telemetry, 'registry'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Receives the exporter, when there is one. */
  readonly opened: Closeable[];
}

/** A sink that keeps spans in `ring`, and sends them to the collector of the settings if they name one. */
export function exportSpans(
  ring: SpanSink,
  { collector, version }: Settings,
  { service, instance, telemetry, clock, random, log, opened }: Exporting,
): SpanSink {
  if (collector === undefined) return ring;
  // The names are those of OpenTelemetry's conventions for resources.
  const resource = {
    'service.name': service,
    'service.instance.id': instance,
    ...(version !== undefined && { 'service.version': version }),
    'telemetry.sdk.name': 'weft',
    'telemetry.sdk.language': 'nodejs',
  };
  const { registry } = telemetry;
  const exporter = createSpanExporter({ ...collector, resource, clock, random, log, registry });
  opened.push(exporter);
  return bothSinks(ring, exporter);
}
