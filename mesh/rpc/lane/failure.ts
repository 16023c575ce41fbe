import { Metadata as GrpcMetadata } from '@grpc/grpc-js';
import type { MeshError } from '../../kernel/error.ts';
import { type CallFacts, toMeshError, toStatus } from '../status.ts';
import type { Failure, IncomingReply } from './response-frames.ts';

/** Under these names status.ts writes and reads what a failure carries; a lane has fields for it. */
const detailsKey = 'grpc-status-details-bin';
const pushbackKey = 'grpc-retry-pushback-ms';

const int32 = 0x7fff_ffff;
const noBytes = new Uint8Array();

/** How an error travels: by the rules of a plain call, cut to what a trailer may hold. */
export function failureOf(error: MeshError, refused = false): Failure {
  const { code, details: message, metadata } = toStatus(error);
  const [details] = metadata.get(detailsKey);
  const [pushback] = metadata.get(pushbackKey);
  return {
    status: code,
    message,
    details: details instanceof Uint8Array ? details : noBytes,
    pushbackMs: pushback === undefined ? undefined : Math.min(Number(pushback), int32),
    refused,
  };
}

/** The error that came back, as a plain call would give it to its caller. */
export function errorOfReply(reply: IncomingReply, facts: CallFacts): MeshError {
  const { status, message, details, pushbackMs } = reply;
  const metadata = new GrpcMetadata();
  if (details !== undefined) metadata.set(detailsKey, Buffer.from(details));
  if (pushbackMs !== undefined) metadata.set(pushbackKey, String(pushbackMs));
  return toMeshError({ code: status, details: message, metadata }, facts);
}
