import { connect, type IncomingHttpHeaders } from 'node:http2';
import type { ErrorDetails } from '../kernel/error.ts';
import { type Status, statusName } from '../kernel/status.ts';
import { decodeDetails } from '../schema/details.ts';

/** A unary call by hand, for what no client of ours would send. */
export interface RawCall {
  readonly address: { readonly host: string; readonly port: number };
  /** As "/shop.orders.v1.OrdersService/PlaceOrder". */
  readonly path: string;
  /** The bytes of the message. Default: none, an empty message. */
  readonly message?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RawAnswer {
  readonly status: Status;
  readonly message: string;
  readonly reason: string | undefined;
  readonly details: ErrorDetails;
}

/** Resolves with the status, whatever it is; rejects when none comes. */
export function rawCall({ address, path, message, headers }: RawCall): Promise<RawAnswer> {
  const session = connect(`http://${address.host}:${String(address.port)}`);
  const answer = new Promise<RawAnswer>((resolve, reject) => {
    session.once('error', reject);
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    const take = (received: IncomingHttpHeaders): void => {
      if (received['grpc-status'] !== undefined) resolve(answerOf(received));
    };
    // A call that fails before its first message has its status in the headers.
    stream.once('response', take);
    stream.once('trailers', take);
    stream.once('error', reject);
    stream.once('close', () => {
      reject(new Error('the call ended without a status'));
    });
    stream.resume();
    stream.end(frame(message ?? new Uint8Array()));
  });
  return answer.finally(() => {
    session.destroy();
  });
}

/** A byte of flags, four of length, then the message: the framing of gRPC over HTTP/2. */
function frame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function answerOf(headers: IncomingHttpHeaders): RawAnswer {
  const text = (name: string): string => String(headers[name] ?? '');
  const packed = Buffer.from(text('grpc-status-details-bin'), 'base64');
  return {
    status: statusName(Number(text('grpc-status'))),
    message: decodeURIComponent(text('grpc-message')),
    ...{ reason: undefined, ...decodeDetails(packed) },
  };
}
