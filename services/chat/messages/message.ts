/**
 * What a message is, and what may become of it: plain data, no I/O.
 *
 *     received -> sent
 */

/** What a client wants to have stored. */
export interface Draft {
  readonly sender: string;
  readonly recipient: string;
  /** The client's own id; with the sender it is the key of the message. */
  readonly clientId: string;
  readonly text: string;
}

export interface Message extends Draft {
  readonly messageId: string;
  /** In the mailbox of the recipient, from 1 and without gaps. */
  readonly place: number;
  readonly status: 'received' | 'sent';
  readonly receivedAtMs: number;
}

/** Whether a repeated request means what was stored under its id. */
export function isSameDraft(stored: Draft, draft: Draft): boolean {
  return stored.recipient === draft.recipient && stored.text === draft.text;
}

/**
 * How far a mailbox is acknowledged when its owner says `place`: never less than before, since an old
 * connection may speak after a new one, and never more than there is, since nobody has what was not written.
 */
export function acknowledgedAt(
  { acknowledged, last }: { readonly acknowledged: number; readonly last: number },
  place: number,
): number {
  return Math.max(acknowledged, Math.min(place, last));
}

/** Whose messages they are, each sender with the ids of its client in their order. */
export function bySender(
  messages: readonly Pick<Message, 'sender' | 'clientId'>[],
): ReadonlyMap<string, readonly string[]> {
  const groups = Map.groupBy(messages, ({ sender }) => sender);
  return new Map([...groups].map(([sender, its]) => [sender, its.map(({ clientId }) => clientId)]));
}
