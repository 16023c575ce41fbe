import type { StatusObject } from '@grpc/grpc-js';
import type { MethodInfo } from '../../kernel/call.ts';
import { MeshError } from '../../kernel/error.ts';
import type { RpcMetrics } from '../../telemetry/rpc-metrics.ts';
import { toStatus } from '../status.ts';
import type { Registration } from './register.ts';

/**
 * Answers a method that is not served with UNIMPLEMENTED and what is. grpc-js has no catch-all: it looks a
 * path up in a private map and answers "The server does not implement the method /x/Y" by itself. So the
 * lookup is given a fallback here. Should a later grpc-js look elsewhere, its own text is back, the status
 * is the same, and the test of this file is red.
 *
 * They are measured as one method, "other" (gRFC A66): names that a caller makes up must not become series of
 * metrics.
 */
export function answerUnknownMethods({
  grpc,
  served,
  metrics,
}: Pick<Registration, 'grpc' | 'served' | 'metrics'>): void {
  const handlers: unknown = Reflect.get(grpc, 'handlers');
  if (!(handlers instanceof Map)) return;
  const known = handlers.get.bind(handlers);
  handlers.get = (path: unknown): unknown =>
    known(path) ?? unknownHandler(String(path), served, metrics);
}

function unknownHandler(path: string, served: Registration['served'], metrics: RpcMetrics): object {
  const same = (bytes: Buffer): Buffer => bytes;
  return {
    // The kind whose handler is called at once, whatever the client goes on to send.
    type: 'bidi',
    path,
    serialize: same,
    deserialize: same,
    func: (call: { emit(event: 'error', status: StatusObject): void }) => {
      measure(metrics);
      call.emit('error', toStatus(unknownMethod(path, served)));
    },
  };
}

function measure(metrics: RpcMetrics): void {
  const meter = metrics.server(other);
  meter.callStarted();
  meter.callEnded('UNIMPLEMENTED', 0, 'plain', 0, 0);
}

const other: MethodInfo = {
  ...{ service: '', name: 'other', path: '/other', policy: {} },
  ...{ kind: 'bidi', idempotency: 'unknown' },
};

function unknownMethod(path: string, served: Registration['served']): MeshError {
  const [, service = '', method = ''] = path.slice(0, 200).split('/');
  const methods = served.get(service);
  const text =
    methods === undefined
      ? `this server has no service ${JSON.stringify(service)}; it has ${[...served.keys()].join(', ')}`
      : `${service} has no method ${JSON.stringify(method)}; it has ${methods.join(', ')}`;
  return new MeshError(text, { status: 'UNIMPLEMENTED', reason: 'UNKNOWN_METHOD' });
}
