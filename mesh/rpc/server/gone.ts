import type { MethodInfo } from '../../kernel/call.ts';
import type { Clock } from '../../kernel/clock.ts';
import { type Deadline, remainingMs } from '../../kernel/deadline.ts';
import { MeshError } from '../../kernel/error.ts';

/** How near to its deadline a call that is cancelled has been ended by it, in ms. */
const nearMs = 50;

/** Why a call ends whose transport says that nobody waits for it. */
export function goneError(
  method: MethodInfo,
  deadline: Deadline | undefined,
  clock: Clock,
): MeshError {
  // The deadline ends a call on either side, and both ways look like a cancellation here: the transport's own
  // timer, or the cancel of a caller whose clock began earlier by the time that the request was under way.
  if (deadline !== undefined && remainingMs(deadline, clock) <= nearMs) return passedError(method);
  const message = `${method.service}/${method.name} was cancelled by its caller, or the connection was lost`;
  return new MeshError(message, { status: 'CANCELLED', reason: 'CALLER_GONE' });
}

/** Why a call ends whose time is over. */
export function passedError({ service, name }: MethodInfo): MeshError {
  const message = `${service}/${name} did not finish before its deadline`;
  return new MeshError(message, { status: 'DEADLINE_EXCEEDED', reason: 'DEADLINE_PASSED' });
}
