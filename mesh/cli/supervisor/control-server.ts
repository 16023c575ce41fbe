import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { MeshError } from '../../kernel/error.ts';
import type { ControlReply, ControlRequest } from './control.ts';
import { onEachLine } from './lines.ts';
import type { Report } from './progress.ts';
import type { Supervisor } from './supervisor.ts';

export interface ControlServerOptions {
  readonly socket: string;
  readonly supervisor: Supervisor;
  /** Called when `down` is done and told. */
  readonly onDown: () => void;
}

/** Serves the commands of the CLI on a Unix socket that only this user may open. */
export function listenForCommands({
  socket,
  supervisor,
  onDown,
}: ControlServerOptions): Promise<Server> {
  const server = createServer((connection) => {
    // Whoever asked may go away at any time; the command goes on.
    connection.on('error', () => undefined);
    onEachLine(connection, (line) => void serve(line, connection, { supervisor, onDown }));
  });
  rmSync(socket, { force: true });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, () => {
      chmodSync(socket, 0o600);
      resolve(server);
    });
  });
}

async function serve(
  line: string,
  connection: Socket,
  { supervisor, onDown }: Omit<ControlServerOptions, 'socket'>,
): Promise<void> {
  const send = (reply: ControlReply): void => {
    if (connection.writable) connection.write(`${JSON.stringify(reply)}\n`);
  };
  try {
    // The socket is this user's own, and so is the program at its other end.
    const request = JSON.parse(line) as ControlRequest;
    await execute(request, supervisor, (progress) => send({ kind: 'progress', progress }));
    const status = supervisor.status();
    send({ kind: 'done', ...(status && { status }) });
    if (request.verb === 'down') connection.end(onDown);
  } catch (thrown) {
    const { rawMessage: message, reason } = MeshError.from(thrown);
    send({ kind: 'error', message, ...(reason !== undefined && { reason }) });
  }
  connection.end();
}

async function execute(
  request: ControlRequest,
  supervisor: Supervisor,
  report: Report,
): Promise<void> {
  switch (request.verb) {
    case 'status':
      return;
    case 'apply':
      return supervisor.apply(request.plan, report);
    case 'start':
      return supervisor.start(request.target, report);
    case 'stop':
      return supervisor.stop(request.target, report);
    case 'down':
      return supervisor.down(report);
  }
}
