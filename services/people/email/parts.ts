import { EmailServiceDefinition } from '#gen/people/email/v1/email.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import type { EmailSettings } from './config.ts';
import { emailHandlers } from './events.ts';
import { createPauseStore } from './pauses.ts';
import { createDeliver } from './provider.ts';
import { createSender } from './sender.ts';
import { emailService } from './service.ts';
import { createEmailStore, type EmailDb } from './store.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function emailParts(
  { store, clock, log, every }: AppTools<EmailDb>,
  { provider, sendEveryMs }: Pick<EmailSettings, 'provider' | 'sendEveryMs'>,
): ServiceParts<EmailDb> {
  const emails = createEmailStore(store);
  const pauses = createPauseStore(store);
  const deliver = createDeliver({ url: provider, clock });
  every(sendEveryMs, 'sending', createSender({ emails, pauses, deliver, clock, log }));
  return {
    services: [implement(EmailServiceDefinition, emailService({ emails, pauses, clock }))],
    consumer: { handlers: emailHandlers({ emails }) },
  };
}
