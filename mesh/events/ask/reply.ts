import { Status } from '../../../gen/google/rpc/status.ts';
import { runInContext } from '../../kernel/context.ts';
import type { MeshError } from '../../kernel/error.ts';
import type { MessageType } from '../../schema/definition.ts';
import { toStatus } from '../../schema/details.ts';
import type { Transaction } from '../../store/sql.ts';
import { replyAddress } from '../bus/subject.ts';
import type { Incoming } from '../consume/consume.ts';
import type { Envelope } from '../envelope.ts';
import type { Write } from '../outbox/write.ts';

/** Who waits for a reply, and to what; plain data, so that it can be stored by who replies later. */
export interface Asked {
  /** The service that asked, as "waiter". */
  readonly service: string;
  /** The id of the request. */
  readonly id: string;
  /** The id of the conversation that the request belongs to; its own where it began one. */
  readonly correlationId: string;
  /** The key of the request: replies keep its order. Empty: it had none. */
  readonly key: string;
}

/** Who waits for a reply to a message; undefined when nobody does. */
export function askedBy(id: string, envelope: Envelope | undefined): Asked | undefined {
  const { replyTo: service, correlationId = id, key = '' } = envelope ?? {};
  return service === undefined ? undefined : { service, id, correlationId, key };
}

/** Writes a reply into the outbox. */
export function writeReply<DB, A extends object>(
  write: Write<DB>,
  tx: Transaction<DB>,
  { service, key, ...cause }: Asked,
  [type, message]: readonly [MessageType<A>, A],
): Promise<string> {
  return write(tx, { type, message, key, cause, ...replyAddress(service, type.$type) });
}

/** Writes into the outbox that a request is refused. */
export function writeRefusal<DB>(
  write: Write<DB>,
  tx: Transaction<DB>,
  { service, key, ...cause }: Asked,
  error: MeshError,
): Promise<string> {
  const letter = { type: Status, message: toStatus(error), unchecked: true } as const;
  return write(tx, { ...letter, key, cause, ...replyAddress(service, Status.$type) });
}

/** As `writeRefusal`, of a message whose handler has failed; nothing when nobody waits for its reply. */
export async function refuse<DB>(
  write: Write<DB>,
  tx: Transaction<DB>,
  { id, envelope, trace }: Incoming,
  error: MeshError,
): Promise<void> {
  const asked = askedBy(id, envelope);
  if (asked === undefined) return;
  await runInContext({ trace, baggage: envelope?.baggage }, () =>
    writeRefusal(write, tx, asked, error),
  );
}
