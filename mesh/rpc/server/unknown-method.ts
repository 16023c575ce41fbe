import type { Server, StatusObject } from '@grpc/grpc-js';
import { MeshError } from '../../kernel/error.ts';
import { toStatus } from '../status.ts';

/**
 * Answers a method that is not served with UNIMPLEMENTED and what is. grpc-js has no catch-all: it looks a
 * path up in a private map and answers "The server does not implement the method /x/Y" by itself. So the
 * lookup is given a fallback here. Should a later grpc-js look elsewhere, its own text is back, the status
 * is the same, and the test of this file is red.
 */
export function answerUnknownMethods(
  server: Server,
  served: ReadonlyMap<string, readonly string[]>,
): void {
  const handlers: unknown = Reflect.get(server, 'handlers');
  if (!(handlers instanceof Map)) return;
  const known = handlers.get.bind(handlers);
  handlers.get = (path: unknown): unknown => known(path) ?? unknownHandler(String(path), served);
}

function unknownHandler(path: string, served: ReadonlyMap<string, readonly string[]>): object {
  const same = (bytes: Buffer): Buffer => bytes;
  return {
    // The kind whose handler is called at once, whatever the client goes on to send.
    type: 'bidi',
    path,
    serialize: same,
    deserialize: same,
    func: (call: { emit(event: 'error', status: StatusObject): void }) => {
      call.emit('error', toStatus(unknownMethod(path, served)));
    },
  };
}

function unknownMethod(path: string, served: ReadonlyMap<string, readonly string[]>): MeshError {
  const [, service = '', method = ''] = path.slice(0, 200).split('/');
  const methods = served.get(service);
  const text =
    methods === undefined
      ? `this server has no service ${JSON.stringify(service)}; it has ${[...served.keys()].join(', ')}`
      : `${service} has no method ${JSON.stringify(method)}; it has ${methods.join(', ')}`;
  return new MeshError(text, { status: 'UNIMPLEMENTED', reason: 'UNKNOWN_METHOD' });
}
