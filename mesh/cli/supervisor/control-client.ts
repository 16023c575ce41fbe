import { connect } from 'node:net';
import { MeshError } from '../../kernel/error.ts';
import type { ControlReply, ControlRequest } from './control.ts';
import { onEachLine } from './lines.ts';
import type { Report } from './progress.ts';
import type { MeshStatus } from './status.ts';

const silent: Report = () => undefined;

/** A question is answered at once; a command may take as long as its work. In ms. */
const answersWithinMs = 5_000;

/**
 * Sends one command to the supervisor behind `socket` and resolves with the mesh as it then is; undefined
 * before its first plan. Throws UNAVAILABLE / NO_SUPERVISOR if nobody listens, or the command's own error.
 */
export function command(
  socket: string,
  request: ControlRequest,
  report: Report = silent,
): Promise<MeshStatus | undefined> {
  return new Promise((resolve, reject) => {
    const connection = connect(socket);
    const absent = (cause?: Error): void => {
      const message = 'the supervisor of this checkout does not answer; weft up starts it';
      reject(new MeshError(message, { status: 'UNAVAILABLE', reason: 'NO_SUPERVISOR', cause }));
    };
    if (request.verb === 'status')
      connection.setTimeout(answersWithinMs, () => connection.destroy());
    connection.once('error', absent);
    connection.once('connect', () => connection.write(`${JSON.stringify(request)}\n`));
    onEachLine(connection, (line) => {
      const reply = JSON.parse(line) as ControlReply;
      if (reply.kind === 'progress') report(reply.progress);
      else if (reply.kind === 'done') resolve(reply.status);
      else reject(errorOf(reply));
    });
    // After an answer this changes nothing; without one the supervisor died over the command.
    connection.once('close', () => absent());
  });
}

function errorOf({ message, reason }: Extract<ControlReply, { kind: 'error' }>): MeshError {
  return new MeshError(message, {
    status: 'FAILED_PRECONDITION',
    ...(reason !== undefined && { reason }),
  });
}
