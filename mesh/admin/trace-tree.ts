import { type Span, SpanKind } from '../../gen/weft/admin/v1/admin.ts';

/** A span and what it caused, in the order in which it began. */
export interface TraceNode {
  readonly span: Span;
  readonly children: readonly TraceNode[];
}

/**
 * Builds the trees of a trace from spans that many processes recorded, in any order and with repeats. A
 * span whose cause is not known (its process died, its ring moved on) is a root.
 */
export function traceTree(spans: readonly Span[]): TraceNode[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const byParent = Map.groupBy(byId.values(), (span) =>
    byId.has(span.parentSpanId) ? span.parentSpanId : '',
  );
  const nodes = (parent: string): TraceNode[] =>
    (byParent.get(parent) ?? [])
      .toSorted((a, b) => startUs(a) - startUs(b))
      .map((span) => ({ span, children: nodes(span.spanId) }));
  return nodes('');
}

const spoken: Record<number, string> = {
  [SpanKind.CLIENT]: 'call',
  [SpanKind.SERVER]: 'handled',
  [SpanKind.PRODUCER]: 'event',
  [SpanKind.CONSUMER]: 'consumed',
  [SpanKind.STEP]: 'step',
};

const whoseOf: Record<number, (span: Span) => string> = {
  [SpanKind.SERVER]: ({ instanceId }) => `by ${instanceId}`,
  [SpanKind.PRODUCER]: ({ instanceId }) => `from ${instanceId}`,
  [SpanKind.CONSUMER]: ({ instanceId }) => `by ${instanceId}`,
  [SpanKind.STEP]: ({ instanceId, peer }) => `of ${peer} by ${instanceId}`,
};

/** One line of a drawn trace. */
export interface TraceLine {
  /** What leads to it from above, as "│  ├─ "; empty at a root. */
  readonly lead: string;
  /** What is said of the span. */
  readonly text: string;
  readonly span: Span;
  /** When it began, in microseconds since the beginning of the first of all lines. */
  readonly startUs: number;
}

/** The trees line by line: a call and its handling share one. */
export function traceLines(roots: readonly TraceNode[]): TraceLine[] {
  const lines: Omit<TraceLine, 'startUs'>[] = [];
  const draw = (node: TraceNode, lead: string, branch: string, below: string): void => {
    lines.push({ lead: `${lead}${branch}`, text: describeSpan(node), span: node.span });
    const children = shown(node);
    for (const [i, child] of children.entries()) {
      const last = i === children.length - 1;
      draw(child, lead + below, last ? '└─ ' : '├─ ', last ? '   ' : '│  ');
    }
  };
  for (const root of roots) draw(root, '', '', '');
  const began = lines.reduce((least, { span }) => Math.min(least, startUs(span)), Infinity);
  return lines.map((line) => ({ ...line, startUs: startUs(line.span) - began }));
}

/** Draws the trees as text, one line a span. */
export function renderTrace(roots: readonly TraceNode[]): string {
  return traceLines(roots)
    .map(({ lead, text }) => `${lead}${text}`)
    .join('\n');
}

/** A call and its handling on the other side are one line: the handler's children hang on the call. */
function shown(node: TraceNode): readonly TraceNode[] {
  const handled = handlingOf(node);
  if (handled === undefined) return node.children;
  return [...node.children.filter((child) => child !== handled), ...handled.children];
}

function handlingOf({ span, children }: TraceNode): TraceNode | undefined {
  if (span.kind !== SpanKind.CLIENT) return undefined;
  // A retried call was handled more than once: then every handling is worth a line of its own.
  const handled = children.filter((child) => child.span.kind === SpanKind.SERVER);
  return handled.length === 1 ? handled[0] : undefined;
}

function describeSpan(node: TraceNode): string {
  const { span } = node;
  const name = span.name.split('.').at(-1) ?? span.name;
  const words = [spoken[span.kind] ?? 'span', name];
  const handled = handlingOf(node);
  if (span.kind === SpanKind.CLIENT) {
    words.push(`${span.service} → ${handled?.span.instanceId ?? '?'} at ${span.peer}`);
  }
  const whose = whoseOf[span.kind]?.(span);
  if (whose !== undefined) words.push(whose);
  words.push(`${(Number(span.durationUs) / 1000).toFixed(1)} ms`);
  if (span.attempts > 1) {
    words.push(
      `${String(span.attempts)} ${span.kind === SpanKind.CONSUMER ? 'deliveries' : 'attempts'}`,
    );
  }
  if (span.status !== 'OK') words.push(span.status);
  return words.join('  ');
}

/** In microseconds since the epoch; exact as a number until the year 2255. */
function startUs({ startTime }: Span): number {
  return Number(startTime?.seconds ?? 0n) * 1e6 + (startTime?.nanos ?? 0) / 1000;
}
