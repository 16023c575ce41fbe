import type { Clock } from '../../kernel/clock.ts';
import { remainingMs } from '../../kernel/deadline.ts';
import type { Random } from '../../kernel/random.ts';
import { drawFault, faultError, type InjectedFault } from '../../resilience/fault.ts';
import { onGivenUp } from '../signals.ts';
import { type ClientContext, nameOf } from './context.ts';

/**
 * Lets one attempt suffer what a fault has for it, before it is sent: waits, never longer than the call may, or throws.
 * Rejects with the caller's reason when it gives up meanwhile.
 */
export async function suffer(
  fault: InjectedFault,
  context: ClientContext,
  ports: { readonly clock: Clock; readonly random: Random },
): Promise<void> {
  const drawn = drawFault(fault, ports);
  if (drawn === undefined) return;
  if (drawn.waitMs > 0) await waited(drawn.waitMs, context, ports.clock);
  if (drawn.abort !== undefined) throw faultError(nameOf(context), drawn.abort, fault);
}

function waited(ms: number, context: ClientContext, clock: Clock): Promise<void> {
  const { deadline } = context;
  // What is sent after the deadline is refused by the transport, in its own words.
  const most =
    deadline === undefined ? ms : Math.min(ms, Math.max(0, remainingMs(deadline, clock)));
  return new Promise((resolve, reject) => {
    const cancel = clock.after(most, () => {
      forget();
      resolve();
    });
    const forget = onGivenUp(context, (reason) => {
      cancel();
      reject(reason);
    });
  });
}
