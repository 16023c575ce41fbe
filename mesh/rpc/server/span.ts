import { type DescribeSpan, spanLayers } from '../span-layers.ts';
import { serverContext } from './call.ts';

/** One server span a call. */
const describe: DescribeSpan = (context) => {
  const { method, trace, parentSpanId, peer, attempt, scope } = serverContext(context);
  return (status) => ({
    traceId: trace.traceId,
    spanId: trace.spanId,
    ...(parentSpanId !== undefined && { parentSpanId }),
    kind: 'server',
    name: `${method.service}/${method.name}`,
    // A handler may end well although nobody waited for it any more; the caller saw it fail.
    status: scope.reason?.status ?? status,
    peer,
    attempts: attempt,
  });
};

/** Records the span of each call of a server. */
export function serverSpans(to: Parameters<typeof spanLayers>[0]): ReturnType<typeof spanLayers> {
  return spanLayers(to, describe);
}
