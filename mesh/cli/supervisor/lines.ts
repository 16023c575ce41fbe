import type { Socket } from 'node:net';

/**
 * Calls `onLine` for every line that arrives. Not node:readline, which throws the socket's errors a second
 * time where nobody listens.
 */
export function onEachLine(socket: Socket, onLine: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (piece: string) => {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
}
