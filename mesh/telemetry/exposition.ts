import type { Family, HistogramSample, MetricSpec, Sample } from './metric.ts';

/**
 * Prometheus' text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats), with OpenTelemetry's
 * names turned as its specification has it (Prometheus and OpenMetrics compatibility): dots become
 * underscores, the unit is part of the name, counters end in _total.
 */
export function expose(families: readonly Family[]): string {
  return families.map(exposeOne).join('');
}

const unitSuffix: Readonly<Record<string, string>> = { s: '_seconds', By: '_bytes' };

/** The name of a metric for Prometheus, as "grpc_client_attempt_duration_seconds". */
export function prometheusName({
  name,
  unit,
  kind,
}: Pick<MetricSpec, 'name' | 'unit' | 'kind'>): string {
  const suffix = unitSuffix[unit] ?? (unit === '1' && kind === 'gauge' ? '_ratio' : '');
  return `${name.replaceAll('.', '_')}${suffix}${kind === 'counter' ? '_total' : ''}`;
}

function exposeOne({ spec, samples }: Family): string {
  const name = prometheusName(spec);
  const keys = spec.labels.map((label) => label.replaceAll('.', '_'));
  const seen = new Set<string>();
  const lines = [`# HELP ${name} ${escapeHelp(spec.help)}\n# TYPE ${name} ${spec.kind}\n`];
  for (const sample of samples) {
    const labels = labelText(keys, sample.labels);
    // A series that is there twice makes Prometheus refuse the whole scrape.
    if (seen.has(labels)) continue;
    seen.add(labels);
    lines.push('counts' in sample ? histogram(name, labels, sample) : line(name, labels, sample));
  }
  return lines.join('');
}

function line(name: string, labels: string, { value }: Sample): string {
  return `${name}${labels === '' ? '' : `{${labels}}`} ${number(value)}\n`;
}

function histogram(name: string, labels: string, sample: HistogramSample): string {
  const { bounds, counts, sum, scale = 1 } = sample;
  const before = labels === '' ? '' : `${labels},`;
  let text = '';
  let below = 0;
  for (let i = 0; i < bounds.length; i++) {
    below += counts[i] ?? 0;
    text += `${name}_bucket{${before}le="${scaled(bounds[i] ?? 0, scale)}"} ${below}\n`;
  }
  below += counts[bounds.length] ?? 0;
  const own = labels === '' ? '' : `{${labels}}`;
  text += `${name}_bucket{${before}le="+Inf"} ${below}\n`;
  return `${text}${name}_sum${own} ${scaled(sum, scale)}\n${name}_count${own} ${below}\n`;
}

/** 0.3 ms is 0.0003 s, not 0.00029999999999999997. */
function scaled(value: number, scale: number): string {
  return number(scale === 1 ? value : Number((value * scale).toPrecision(12)));
}

function number(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? '+Inf' : '-Inf';
}

function labelText(keys: readonly string[], values: readonly string[]): string {
  return keys.map((key, i) => `${key}="${escapeLabel(values[i] ?? '')}"`).join(',');
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function escapeHelp(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
