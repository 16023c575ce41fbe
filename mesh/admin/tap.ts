import type {
  AdminServiceDefinition,
  Span,
  TapRequest,
  TapResponse,
} from '../../gen/weft/admin/v1/admin.ts';
import type { Clock } from '../kernel/clock.ts';
import type { HandlerContext, Implementation } from '../rpc/server/implementation.ts';
import type { SpanRecord, SpanRing } from '../telemetry/spans.ts';
import { isOwn } from './own-services.ts';
import { toSpan } from './span.ts';

/*
 * A tap is a follower of the ring of spans, made when somebody asks and gone when he leaves: a process that nobody
 * taps pays one comparison a call for it. While one is open, each call costs the filter and a place in a bounded
 * queue; spans become messages only when they are sent, in batches, outside of the calls.
 */

/** What one tap holds for a reader that is behind; what comes beyond it is counted and dropped. */
const mostWaiting = 2048;
/** Most spans of one response. */
const batch = 256;
/** The pause between two responses, in ms: a person sees no delay, and a busy process sends forty a second. */
const pauseMs = 25;

interface TapSources {
  readonly service: string;
  readonly instanceId: string;
  readonly spans: SpanRing;
  readonly clock: Clock;
}

/** The part of weft.admin.v1 that tells of calls as they happen. */
export function tapMethods(
  sources: TapSources,
): Pick<Implementation<AdminServiceDefinition>, 'tap'> {
  return { tap: (request, context) => tapped(sources, request, context) };
}

async function* tapped(
  sources: TapSources,
  request: TapRequest,
  { signal, draining }: Pick<HandlerContext, 'signal' | 'draining'>,
): AsyncGenerator<TapResponse> {
  const queue = createQueue();
  const wanted = filterOf(request, sources.service);
  const unfollow = sources.spans.follow((span) => {
    if (wanted(span)) queue.push(span);
  });
  const end = AbortSignal.any([signal, draining]);
  const wake = (): void => queue.wake();
  end.addEventListener('abort', wake, { once: true });
  try {
    yield { spans: [], dropped: 0n };
    while (!end.aborted) {
      const response = queue.take(sources);
      if (response === undefined) {
        await queue.filled();
      } else {
        yield response;
        await sources.clock.sleep(pauseMs, end).catch(() => undefined);
      }
    }
  } finally {
    end.removeEventListener('abort', wake);
    unfollow();
  }
}

interface Queue {
  push(span: SpanRecord): void;
  take(from: TapSources): TapResponse | undefined;
  /** Resolves when there is something to take, or somebody calls `wake`. */
  filled(): Promise<void>;
  wake(): void;
}

function createQueue(): Queue {
  let waiting: SpanRecord[] = [];
  let dropped = 0;
  let bell: PromiseWithResolvers<void> | undefined;
  return {
    push(span) {
      if (waiting.length < mostWaiting) waiting.push(span);
      else dropped++;
      bell?.resolve();
    },
    take(from) {
      if (waiting.length === 0 && dropped === 0) return undefined;
      const spans = waiting.slice(0, batch).map((span) => quiet(toSpan(span, from)));
      waiting = waiting.slice(batch);
      const missing = BigInt(dropped);
      dropped = 0;
      return { spans, dropped: missing };
    },
    async filled() {
      bell ??= Promise.withResolvers<void>();
      await bell.promise;
      bell = undefined;
    },
    wake: () => bell?.resolve(),
  };
}

/** Without the words of errors: applications write names and amounts into them. */
function quiet(span: Span): Span {
  const failedAttempts = span.failedAttempts.map((each) => ({ ...each, message: '' }));
  return { ...span, message: '', failedAttempts };
}

/** Which spans of a process of `service` a tap is about. */
function filterOf(request: TapRequest, service: string): (span: SpanRecord) => boolean {
  const inside = service === request.service;
  const least = Number(request.minDurationUs);
  return ({ kind, name, target, status, durationUs }) =>
    (kind === 'client' || (inside && (kind === 'server' || kind === 'consumer'))) &&
    (inside || target === request.service) &&
    durationUs >= least &&
    (!request.failed || status !== 'OK') &&
    (request.own || !isOwn(name)) &&
    isMethod(name, request.method);
}

/** The full name, or what stands behind one of its dots or its slash. */
function isMethod(name: string, asked: string): boolean {
  if (asked === '' || name === asked) return true;
  return name.endsWith(`/${asked}`) || name.endsWith(`.${asked}`);
}
