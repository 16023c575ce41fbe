/** What email hears. */
import { CustomerRegistered } from '#gen/people/customers/v1/events.ts';
import { type EventHandler, on } from '#mesh';
import type { EmailDb, EmailStore } from './store.ts';
import { welcome } from './welcome.ts';

/** Key: the event id. The e-mail is written down here and sent by the sender: the event does not wait for it. */
export function emailHandlers({
  emails,
}: {
  readonly emails: EmailStore;
}): readonly EventHandler<EmailDb>[] {
  return [on(CustomerRegistered, (customer, { tx, id }) => emails.add(tx, welcome(id, customer)))];
}
