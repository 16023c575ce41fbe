import { type DescribeSpan, spanLayers } from '../span-layers.ts';
import { clientContext, nameOf } from './context.ts';

/** One client span a call: over all attempts, with the endpoint of the last one. */
const describe: DescribeSpan = (context) => {
  const { trace, parent, report } = clientContext(context);
  return (status) => ({
    traceId: trace.traceId,
    spanId: trace.spanId,
    ...(parent.trace && { parentSpanId: parent.trace.spanId }),
    kind: 'client',
    name: nameOf(context),
    status,
    peer: report.peer,
    attempts: report.attempts,
  });
};

/** Records the span of each call of a client. */
export function clientSpans(to: Parameters<typeof spanLayers>[0]): ReturnType<typeof spanLayers> {
  return spanLayers(to, describe);
}
