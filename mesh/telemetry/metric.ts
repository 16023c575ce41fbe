import type { Bounds } from './histogram.ts';

export type MetricKind = 'counter' | 'gauge' | 'histogram';

export interface MetricSpec<K extends MetricKind = MetricKind> {
  /** In OpenTelemetry's form, as "grpc.client.attempt.duration". */
  readonly name: string;
  readonly kind: K;
  /** In UCUM, as OpenTelemetry has it: "s", "By", "1", "{call}". */
  readonly unit: string;
  /** In OpenTelemetry's form, as "grpc.method". */
  readonly labels: readonly string[];
  /** What it says, in a sentence. */
  readonly help: string;
}

/** One series; the labels are those of the spec, in its order. */
export interface Sample {
  readonly labels: readonly string[];
  readonly value: number;
}

export interface HistogramSample {
  readonly labels: readonly string[];
  readonly bounds: Bounds;
  /** Of each bucket for itself, one more than there are bounds. */
  readonly counts: Float64Array;
  readonly sum: number;
  /** What a count stands for when bounds and sum are in another unit: 0.001 for ms in a metric of seconds. */
  readonly scale?: number;
}

export type SampleOf<K extends MetricKind> = K extends 'histogram' ? HistogramSample : Sample;

/** A metric with what it stands at. */
export interface Family {
  readonly spec: MetricSpec;
  readonly samples: readonly (Sample | HistogramSample)[];
}
