import { z } from 'zod';

/** An OpenTelemetry collector, where a process is told of one. */
export interface Collector {
  /** Where it takes traces, as "http://127.0.0.1:4318/v1/traces". */
  readonly url: string;
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
}

const header = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(.*)$/;

/** The variables by which OpenTelemetry's SDKs are told of a collector (opentelemetry.io, "OTLP exporter configuration"). */
export const collectorShape = {
  /** Takes traces over OTLP/HTTP; empty = spans stay in the process. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/, error: 'use the URL of a collector, as http://127.0.0.1:4318' })
    .optional(),
  /** "name=value", separated by commas, values percent-encoded. */
  OTEL_EXPORTER_OTLP_HEADERS: z.string().transform(headersOf).optional(),
};

/** What is not said when a variable is wrong: such headers hold keys. */
export const secretVariables: ReadonlySet<string> = new Set(['OTEL_EXPORTER_OTLP_HEADERS']);

/** The collector of these variables; undefined when none is named. */
export function collectorOf(said: {
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  readonly OTEL_EXPORTER_OTLP_HEADERS?: Record<string, string> | undefined;
}): Collector | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers = {} } = said;
  if (endpoint === undefined) return undefined;
  // The variable names the collector, and each signal has its path below it.
  const base = endpoint.endsWith('/') ? endpoint : `${endpoint}/`;
  return { url: new URL('v1/traces', base).href, headers };
}

function headersOf(text: string, context: z.RefinementCtx): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const item of text.split(',').filter((each) => each.trim() !== '')) {
    const [, name, value = ''] = header.exec(item.trim()) ?? [];
    if (name === undefined || !isEncoded(value)) {
      context.addIssue('use name=value,name=value with percent-encoded values');
      return z.NEVER;
    }
    headers[name.toLowerCase()] = decodeURIComponent(value);
  }
  return headers;
}

function isEncoded(value: string): boolean {
  try {
    // What would break a header's line is no header.
    return !/[\r\n\0]/.test(decodeURIComponent(value));
  } catch {
    return false;
  }
}
