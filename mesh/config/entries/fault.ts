/** Why an entry, or a part of it, cannot be followed; the message is a sentence part for the log. */
export class EntryFault extends Error {
  override readonly name = 'EntryFault';
}
