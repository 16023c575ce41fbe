import type { Clock } from '../../kernel/clock.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import type { Log } from '../../kernel/log.ts';
import { jitter, type Random } from '../../kernel/random.ts';
import type { MetricSpec } from '../metric.ts';
import type { MetricsRegistry } from '../registry.ts';
import type { SpanRecord, SpanSink } from '../spans.ts';
import { type Posted, post } from './post.ts';
import { type Resource, traceRequest } from './wire.ts';

export interface ExporterOptions {
  /** Where a collector takes traces over OTLP/HTTP, as "http://127.0.0.1:4318/v1/traces". */
  readonly url: string;
  /** Sent with every request: what the collector wants to be told. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly resource: Resource;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly registry: Pick<MetricsRegistry, 'observe'>;
}

// The defaults of OpenTelemetry's batch span processor: OTEL_BSP_MAX_QUEUE_SIZE, _SCHEDULE_DELAY, _MAX_EXPORT_BATCH_SIZE.
const longestQueue = 2048;
const delayMs = 5000;
const batchSize = 512;
/** OTEL_EXPORTER_OTLP_TIMEOUT. */
const timeoutMs = 10_000;
const firstRetryMs = 1000;
const longestRetryMs = 30_000;
/** How long a process that ends still tries. */
const farewellMs = 2000;

const processed: MetricSpec<'counter'> = {
  ...{ name: 'otel.sdk.processor.span.processed', kind: 'counter', unit: '{span}' },
  labels: ['error.type'],
  help: 'Spans that were taken up for export, by what became of them: none, or queue_full and dropped.',
};
const exported: MetricSpec<'counter'> = {
  ...{ name: 'otel.sdk.exporter.span.exported', kind: 'counter', unit: '{span}' },
  labels: ['error.type'],
  help: 'Spans that an export has ended for, by what it failed with: none, an HTTP status, unreachable, or rejected in part.',
};

/**
 * Sends spans to an OpenTelemetry collector, some hundreds at a time. A collector that is away or slow costs
 * memory for 2048 spans and nothing else: what comes beyond them is dropped and counted.
 */
export function createSpanExporter(options: ExporterOptions): SpanSink & Closeable {
  return new SpanExporter(options);
}

class SpanExporter implements SpanSink, Closeable {
  #queue: SpanRecord[] = [];
  #running: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #isAway = false;
  readonly #stop = new AbortController();
  readonly #processed = new Map<string, number>();
  readonly #exported = new Map<string, number>();
  readonly #options: ExporterOptions;

  constructor(options: ExporterOptions) {
    this.#options = options;
    const { registry } = options;
    registry.observe(processed, () => samplesOf(this.#processed));
    registry.observe(exported, () => samplesOf(this.#exported));
  }

  record(span: SpanRecord): void {
    if (span.unsampled === true || this.#stop.signal.aborted) return;
    if (this.#queue.length >= longestQueue) {
      add(this.#processed, 'queue_full', 1);
      return;
    }
    add(this.#processed, '', 1);
    this.#queue.push(span);
    if (this.#queue.length >= batchSize) this.#send();
    else this.#cancel ??= this.#options.clock.after(delayMs, () => this.#send());
  }

  /** Tries for two seconds to send what is left. */
  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const cancel = this.#options.clock.after(farewellMs, () => this.#stop.abort());
    this.#send();
    await this.#running;
    cancel();
    this.#stop.abort();
  }

  #send(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined;
    });
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0 && !this.#stop.signal.aborted) {
      const batch = this.#queue.splice(0, batchSize);
      await this.#export(batch);
    }
  }

  /** Until the collector has taken or refused it, or the process ends. */
  async #export(batch: readonly SpanRecord[]): Promise<void> {
    const { resource, clock, random } = this.#options;
    const body = traceRequest(batch, resource);
    for (let attempt = 1; ; attempt++) {
      const posted = await this.#post(body);
      if (posted.kind !== 'again') {
        this.#ended(batch.length, posted);
        return;
      }
      this.#away(posted.detail);
      const ownMs = jitter(
        Math.min(longestRetryMs, firstRetryMs * 2 ** (attempt - 1)),
        0.2,
        random,
      );
      const waitMs = Math.min(longestRetryMs, posted.afterMs ?? ownMs);
      await clock.sleep(waitMs, this.#stop.signal).catch(() => undefined);
      if (!this.#stop.signal.aborted) continue;
      add(this.#exported, posted.why, batch.length);
      return;
    }
  }

  async #post(body: string): Promise<Posted> {
    const { url, headers = {}, clock } = this.#options;
    const limit = new AbortController();
    const cancel = clock.after(timeoutMs, () =>
      limit.abort(new Error(`no answer in ${String(timeoutMs)} ms`)),
    );
    try {
      return await post(body, {
        url,
        headers,
        signal: AbortSignal.any([limit.signal, this.#stop.signal]),
      });
    } finally {
      cancel();
    }
  }

  #ended(spans: number, posted: Exclude<Posted, { kind: 'again' }>): void {
    const { log, url } = this.#options;
    if (posted.kind === 'refused') {
      add(this.#exported, posted.why, spans);
      log.warn('the collector refused spans; look at OTEL_EXPORTER_OTLP_ENDPOINT and _HEADERS', {
        ...{ url, spans, answer: posted.detail },
      });
      return;
    }
    add(this.#exported, '', spans - posted.rejected);
    if (posted.rejected > 0) add(this.#exported, 'rejected', posted.rejected);
    if (this.#isAway) log.info('the collector takes spans again', { url });
    this.#isAway = false;
  }

  #away(why: string): void {
    const { log, url } = this.#options;
    if (!this.#isAway)
      log.warn('the collector takes no spans; it is tried again by itself', { url, why });
    this.#isAway = true;
  }
}

function add(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

function samplesOf(counts: ReadonlyMap<string, number>): { labels: string[]; value: number }[] {
  return Array.from(counts, ([label, value]) => ({ labels: [label], value }));
}
