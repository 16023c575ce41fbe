import {
  type EmailServiceDefinition,
  EmailState as StateMessage,
} from '#gen/people/email/v1/email.ts';
import { type Clock, type Implementation, toTimestamp } from '#mesh';
import type { PauseStore } from './pauses.ts';
import type { EmailState, EmailStore } from './store.ts';

export interface EmailServiceOptions {
  readonly emails: EmailStore;
  readonly pauses: PauseStore;
  readonly clock: Clock;
}

const states: Readonly<Record<EmailState, StateMessage>> = {
  waiting: StateMessage.WAITING,
  sent: StateMessage.SENT,
  refused: StateMessage.REFUSED,
};

/** people.email.v1.EmailService. */
export function emailService({
  emails,
  pauses,
  clock,
}: EmailServiceOptions): Implementation<EmailServiceDefinition> {
  return {
    async listEmails({ customerId }) {
      const known = await emails.listOf(customerId);
      return {
        emails: known.map(({ emailId, address, subject, state, tries }) => {
          return { emailId, address, subject, tries, state: states[state] };
        }),
      };
    },

    async getQueue() {
      const counts = await emails.counts();
      const pause = await pauses.last();
      const paused = pause !== undefined && pause.untilMs > clock.now();
      return {
        ...counts,
        pausedUntil: paused ? toTimestamp(pause.untilMs) : undefined,
        pausedBecause: paused ? pause.because : '',
      };
    },
  };
}
