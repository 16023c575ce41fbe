import { gunzipSync, inflateRawSync } from 'node:zlib';

/**
 * One file out of a release archive. Two small readers instead of two dependencies or the machine's own
 * programs: a bare machine may have neither unzip nor python3, and the archives are known (their sums
 * are pinned), so that only the plain forms of both formats are read.
 */
export function unpack(archive: Buffer, format: 'zip' | 'tar.gz', member: string): Buffer {
  const content =
    format === 'zip' ? fromZip(archive, member) : fromTar(gunzipSync(archive), member);
  if (content === undefined) throw new Error(`the archive has no file named ${member}`);
  return content;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

const block = 512;

/** POSIX ustar: a header block (name at 0, octal size at 124, type at 156), then the content, padded. */
function fromTar(tar: Buffer, member: string): Buffer | undefined {
  for (let at = 0; at + block <= tar.length; ) {
    const name = text(tar, at, 100);
    if (name === '') return undefined;
    const size = Number.parseInt(text(tar, at + 124, 12), 8);
    const type = text(tar, at + 156, 1);
    const start = at + block;
    if ((type === '0' || type === '') && baseName(name) === member) {
      return tar.subarray(start, start + size);
    }
    at = start + Math.ceil(size / block) * block;
  }
  return undefined;
}

function text(buffer: Buffer, at: number, length: number): string {
  const field = buffer.toString('latin1', at, at + length);
  const end = field.indexOf('\0');
  return (end === -1 ? field : field.slice(0, end)).trim();
}

const endOfDirectory = 0x06054b50;
const entry = 0x02014b50;

/**
 * The central directory at the end of the file is the truth of a zip (APPNOTE 4.3.12); sizes in the
 * local headers may be zero.
 */
function fromZip(zip: Buffer, member: string): Buffer | undefined {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end === -1 || zip.readUInt32LE(end) !== endOfDirectory) throw new Error('not a zip archive');
  const count = zip.readUInt16LE(end + 10);
  let at = zip.readUInt32LE(end + 16);
  for (let i = 0; i < count && zip.readUInt32LE(at) === entry; i++) {
    const nameLength = zip.readUInt16LE(at + 28);
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    if (baseName(name) === member) return zipContent(zip, at);
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return undefined;
}

function zipContent(zip: Buffer, directoryEntry: number): Buffer {
  const method = zip.readUInt16LE(directoryEntry + 10);
  const size = zip.readUInt32LE(directoryEntry + 20);
  const local = zip.readUInt32LE(directoryEntry + 42);
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  const packed = zip.subarray(start, start + size);
  if (method === 0) return packed;
  if (method === 8) return inflateRawSync(packed);
  throw new Error(`the zip packs ${String(method)}, which is neither stored nor deflated`);
}
