import type { CallContext, Layer, StreamLayer } from '../kernel/call.ts';
import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Status } from '../kernel/status.ts';
import type { SpanRecord, SpanSink } from '../telemetry/spans.ts';

/** What one side of a call knows of its span: asked when the call begins, and told when it has ended. */
export type DescribeSpan = (
  context: CallContext,
) => (status: Status) => Omit<SpanRecord, 'startMs' | 'durationUs'>;

/** Records one span a call, whatever becomes of it; the same for both sides and for all four kinds. */
export function spanLayers(
  { spans, clock }: { readonly spans: SpanSink; readonly clock: Clock },
  describe: DescribeSpan,
): { call: Layer; stream: StreamLayer } {
  function begin(context: CallContext): (status: Status) => void {
    const described = describe(context);
    const startMs = clock.now();
    const started = clock.monotonic();
    return (status) => {
      const durationUs = Math.round((clock.monotonic() - started) * 1000);
      spans.record({ ...described(status), startMs, durationUs });
    };
  }

  return {
    call: (next) => async (request, context) => {
      const end = begin(context);
      try {
        const response = await next(request, context);
        end('OK');
        return response;
      } catch (thrown) {
        end(MeshError.from(thrown).status);
        throw thrown;
      }
    },
    stream: (next) =>
      async function* (requests, context) {
        const end = begin(context);
        // Whoever stops reading leaves by `return`: neither a normal end nor an error.
        let status: Status = 'CANCELLED';
        try {
          yield* next(requests, context);
          status = 'OK';
        } catch (thrown) {
          ({ status } = MeshError.from(thrown));
          throw thrown;
        } finally {
          end(status);
        }
      },
  };
}
