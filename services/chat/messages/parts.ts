import { MessagesServiceDefinition } from '#gen/chat/messages/v1/messages.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import { messagesService } from './service.ts';
import { createMessageStore, type MessagesDb } from './store.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function messagesParts(tools: AppTools<MessagesDb>): ServiceParts<MessagesDb> {
  const messages = createMessageStore(tools.store);
  return {
    services: [implement(MessagesServiceDefinition, messagesService({ ...tools, messages }))],
  };
}
