import { MeshError } from '../../kernel/error.ts';

/** grpc/doc/PROTOCOL-WEB.md: each frame is a byte of flags, four of length, and so much more. */
const headBytes = 5;
const trailerFlag = 0x80;
const compressedFlag = 0x01;

/** A message as a frame. */
export function messageFrame(message: Uint8Array): Buffer {
  return frame(0, message);
}

/** The trailers as a frame, for browsers do not show those of HTTP. */
export function trailerFrame(trailers: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries(trailers).map(([name, value]) => `${name}: ${value}\r\n`);
  return frame(trailerFlag, Buffer.from(lines.join(''), 'latin1'));
}

/** The messages of a request. Throws INVALID_ARGUMENT for what is cut off, UNIMPLEMENTED for what is compressed. */
export function readFrames(body: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  let at = 0;
  while (at < body.length) {
    if (at + headBytes > body.length) throw cutOff();
    const flags = body.readUInt8(at);
    const end = at + headBytes + body.readUInt32BE(at + 1);
    if (end > body.length) throw cutOff();
    if ((flags & compressedFlag) !== 0) throw compressed();
    if ((flags & trailerFlag) === 0) messages.push(body.subarray(at + headBytes, end));
    at = end;
  }
  return messages;
}

/** The text form: base64, in pieces that may each end with padding. */
export function fromText(body: Buffer): Buffer {
  const pieces = body.toString('latin1').match(/[^=]+={0,2}/g) ?? [];
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece, 'base64')));
}

function frame(flags: number, payload: Uint8Array): Buffer {
  const whole = Buffer.allocUnsafe(headBytes + payload.length);
  whole.writeUInt8(flags, 0);
  whole.writeUInt32BE(payload.length, 1);
  whole.set(payload, headBytes);
  return whole;
}

function cutOff(): MeshError {
  return new MeshError('the body ends in the middle of a message', {
    status: 'INVALID_ARGUMENT',
    reason: 'INVALID_FRAME',
  });
}

function compressed(): MeshError {
  return new MeshError('compressed messages are not read here; send them as they are', {
    status: 'UNIMPLEMENTED',
    reason: 'COMPRESSED',
  });
}
