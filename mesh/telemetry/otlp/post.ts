import { describe } from '../../kernel/error.ts';

/** How a batch fared. `why` is short and from a small set: it is the label of a metric. */
export type Posted =
  | { readonly kind: 'taken'; readonly rejected: number }
  | {
      readonly kind: 'again';
      readonly why: string;
      readonly afterMs: number | undefined;
      readonly detail: string;
    }
  | { readonly kind: 'refused'; readonly why: string; readonly detail: string };

/** Which answers are to be tried again: opentelemetry.io, "OTLP specification", "Retryable response codes". */
const again = new Set([429, 502, 503, 504]);
const longestDetail = 200;

export interface PostOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** One try to hand in a batch; never throws. */
export async function post(body: string, { url, headers, signal }: PostOptions): Promise<Posted> {
  try {
    const response = await fetch(url, {
      ...{ method: 'POST', body, signal, redirect: 'error' },
      headers: { ...headers, 'content-type': 'application/json' },
    });
    const said = await response.text();
    if (response.ok) return { kind: 'taken', rejected: rejectedOf(said) };
    const why = String(response.status);
    const detail = `${why} ${said.slice(0, longestDetail)}`.trim();
    if (!again.has(response.status)) return { kind: 'refused', why, detail };
    return { kind: 'again', why, afterMs: afterMsOf(response.headers), detail };
  } catch (thrown) {
    const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
    return { kind: 'again', why: 'unreachable', afterMs: undefined, detail: describe(cause) };
  }
}

/** What a collector took of a request in part only; one that says nothing took all. */
function rejectedOf(said: string): number {
  try {
    const { partialSuccess } = JSON.parse(said) as { partialSuccess?: { rejectedSpans?: unknown } };
    const rejected = Number(partialSuccess?.rejectedSpans ?? 0);
    return Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0;
  } catch {
    return 0;
  }
}

function afterMsOf(headers: Headers): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}
