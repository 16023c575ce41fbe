import type { Events } from '../events/events.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import type { Log } from '../kernel/log.ts';
import type { Random } from '../kernel/random.ts';
import type { SagaDesk } from '../saga/desk.ts';
import { createSagas } from '../saga/sagas.ts';
import type { Image } from '../schema/image.ts';
import type { Projection } from '../sourcing/projection.ts';
import { createSourcing, type Sourcing } from '../sourcing/sourcing.ts';
import type { Store } from '../store/store.ts';
import type { SpanSink } from '../telemetry/spans.ts';
import type { AppTools } from './options.ts';

interface Parts<DB> {
  readonly store: Store<DB>;
  readonly events: Events<DB> | undefined;
  readonly image: Image;
  /** Receives what is to run when the app serves. */
  readonly jobs: (() => Closeable)[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly spans: SpanSink;
}

/** The tools that are made when they are asked for: whoever uses neither pays for neither. */
export interface SagasAndSourcing<DB> extends Pick<AppTools<DB>, 'sagas' | 'sourcing'> {
  /** Undefined as long as no sagas were asked for. */
  desk(): SagaDesk | undefined;
  /** All that run in this process. */
  projections(): readonly Projection[];
}

export function sagasAndSourcing<DB>(parts: Parts<DB>): SagasAndSourcing<DB> {
  const { jobs } = parts;
  let desk: SagaDesk | undefined;
  const sourcings: Sourcing<DB>[] = [];
  return {
    desk: () => desk,
    projections: () => sourcings.flatMap(({ projections }) => projections),
    sagas(sagas, tuning) {
      const running = createSagas<DB>({ ...parts, ...tuning, sagas });
      ({ desk } = running);
      jobs.push(() => {
        running.run();
        return running;
      });
      return running;
    },
    sourcing(upcasts = []) {
      const sourcing = createSourcing<DB>({ ...parts, upcasts });
      sourcings.push(sourcing);
      jobs.push(() => sourcing);
      return sourcing;
    },
  };
}
