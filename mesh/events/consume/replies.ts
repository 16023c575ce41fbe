import type { Incoming } from './consume.ts';
import type { Handlers } from './handler.ts';

/** Whether somebody waits for the reply to a message, and the handler here is who replies. */
export function replies<DB>(
  { handlers }: { readonly handlers: Handlers<DB> },
  { envelope }: Incoming,
): boolean {
  if (envelope?.replyTo === undefined) return false;
  return handlers.get(envelope.type)?.exchange !== undefined;
}
