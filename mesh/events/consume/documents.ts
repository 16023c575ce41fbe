import type { Image } from '../../schema/image.ts';
import type { Transaction } from '../../store/sql.ts';
import { eventTables } from '../tables.ts';
import type { Incoming } from './consume.ts';

/**
 * Notes a document as the latest of its key that this consumer has seen; false when a later one was before: a
 * document that failed and comes again must not undo what came meanwhile. Messages that are no documents are
 * always the latest, and cost nothing.
 */
export type Latest<DB> = (tx: Transaction<DB>, incoming: Incoming) => Promise<boolean>;

export function createLatest<DB>(consumer: string, image: Pick<Image, 'event'>): Latest<DB> {
  return async (tx, { envelope, delivery: { subject, sequence } }) => {
    if (envelope === undefined || image.event(envelope.type)?.kind !== 'document') return true;
    const seen = { sequence, published_at: envelope.timeMs };
    const { numInsertedOrUpdatedRows: noted } = await eventTables(tx)
      .insertInto('weft_document')
      .values({ consumer, subject, ...seen })
      .onConflict((conflict) =>
        conflict
          .columns(['consumer', 'subject'])
          .doUpdateSet(seen)
          // Earlier by both: a stream that was made anew begins at 1, and clocks of publishers differ.
          .where(({ eb, or }) =>
            or([
              eb('weft_document.sequence', '<', sequence),
              eb('weft_document.published_at', '<', envelope.timeMs),
            ]),
          ),
      )
      .executeTakeFirstOrThrow();
    return noted === 1n;
  };
}
