import { fromBinary } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type SourceCodeInfo,
} from '@bufbuild/protobuf/wkt';

/**
 * Four fifths of an image are comments and where in the source each thing stands, as objects some five
 * megabytes in every process that will never be asked for one of them. They are read when somebody looks.
 */

/** FileDescriptorProto.source_code_info. */
const sourceNumber = 9;

/** A google.protobuf.FileDescriptorProto whose `sourceCodeInfo` is read from `bytes` when it is first asked for. */
export function readFile(bytes: Uint8Array): FileDescriptorProto {
  const file = fromBinary(FileDescriptorProtoSchema, withoutSource(bytes));
  let source: { readonly info: SourceCodeInfo | undefined } | undefined;
  Object.defineProperty(file, 'sourceCodeInfo', {
    enumerable: true,
    get() {
      source ??= { info: fromBinary(FileDescriptorProtoSchema, bytes).sourceCodeInfo };
      return source.info;
    },
  });
  return file;
}

function withoutSource(bytes: Uint8Array): Uint8Array {
  const reader = new BinaryReader(bytes);
  const kept: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const from = reader.pos;
    const [number, wireType] = reader.tag();
    reader.skip(wireType, number);
    if (number !== sourceNumber) kept.push(bytes.subarray(from, reader.pos));
  }
  return Buffer.concat(kept);
}
