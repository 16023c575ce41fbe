import { readFileSync } from 'node:fs';
import type { DescField, FileRegistry } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import type { Rules } from '../../gen/weft/v1/options.ts';
import { describe, MeshError } from '../kernel/error.ts';
import { startFault } from '../kernel/last-words.ts';
import { channelFaults, type EventOptions, eventOf } from './events.ts';
import { readFile } from './file.ts';
import { createLazyRegistry } from './lazy-registry.ts';
import { rulesOf } from './options.ts';
import { declaredMessages, type Outline, outlineOf } from './outline.ts';
import { ruleFaults } from './rule-faults.ts';

/** One proto file of an image: what reflection hands out. */
export interface ImageFile {
  /** As it is imported: "shop/orders/v1/orders.proto". */
  readonly name: string;
  /** The google.protobuf.FileDescriptorProto as the compiler wrote it, custom options included. */
  readonly bytes: Uint8Array;
}

/**
 * The compiled contracts (a google.protobuf.FileDescriptorSet, what `buf build` writes): the one source
 * at run time for reflection, validation and the event catalogue.
 */
export interface Image {
  /** The descriptor set as it was read. */
  readonly bytes: Uint8Array;
  /** Every file, imports before the files that import them. */
  readonly files: ReadonlyMap<string, ImageFile>;
  /** The full names of all services, sorted. */
  readonly services: readonly string[];
  /**
   * The descriptors, as protobuf-es knows them. A file is read when one of its types is first asked for, with
   * what it imports; who goes through all of them reads all.
   */
  readonly registry: FileRegistry;
  /** The rules of one field (weft.v1.rules); undefined if it has none. */
  rules(field: DescField): Rules | undefined;
  /** What travels, by the full name of its type, in the order of the files. */
  readonly events: ReadonlyMap<string, EventOptions>;
  /** Where a message travels and as what; undefined if it does not (weft.v1.event, command, document). */
  event(typeName: string): EventOptions | undefined;
}

/**
 * Reads an image. Throws INVALID_ARGUMENT / INVALID_IMAGE for bytes that are no descriptor set, and
 * INVALID_ARGUMENT / INVALID_SCHEMA, naming every fault at once, for options that cannot be meant: a
 * pattern that does not compile, a form on a number, an event whose key is no string, messages of one
 * channel that disagree about it.
 */
export function loadImage(bytes: Uint8Array): Image {
  const { outlines, events, problems } = readContents(bytes);
  if (problems.length > 0) {
    throw new MeshError(`the schema says what cannot be meant: ${problems.join('; ')}`, {
      status: 'INVALID_ARGUMENT',
      reason: 'INVALID_SCHEMA',
      details: { violations: problems.map((description) => ({ field: 'options', description })) },
    });
  }
  return {
    bytes,
    files: new Map(outlines.map((outline) => [outline.name, outline])),
    services: outlines.flatMap(({ services }) => services).sort(),
    registry: createLazyRegistry(outlines),
    rules: rulesOf,
    events,
    event: (typeName) => events.get(typeName),
  };
}

/** Reads an image from a file. Throws NOT_FOUND / NO_IMAGE if there is none, else as `loadImage`. */
export function readImage(path: string | URL): Image {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (thrown) {
    const message = `no image at ${String(path)}: ${describe(thrown)}; "make gen" (or "buf build --as-file-descriptor-set --output") writes it`;
    throw startFault(
      new MeshError(message, { status: 'NOT_FOUND', reason: 'NO_IMAGE', cause: thrown }),
    );
  }
  try {
    return loadImage(bytes);
  } catch (thrown) {
    throw startFault(MeshError.from(thrown));
  }
}

/** Several images as one; of files with the same name the first one stays. */
export function mergeImages(images: readonly Image[]): Image {
  const [first] = images;
  if (first !== undefined && images.every((image) => image === first)) return first;
  const merged = new Map<string, ImageFile>();
  for (const image of images) {
    for (const file of image.files.values()) {
      if (!merged.has(file.name)) merged.set(file.name, file);
    }
  }
  return imageOfFiles([...merged.values()].map((file) => file.bytes));
}

/** The image of these google.protobuf.FileDescriptorProto; imports must come before their importers. */
export function imageOfFiles(files: Iterable<Uint8Array>): Image {
  const writer = new BinaryWriter();
  for (const file of files) writer.uint32(fileTag).bytes(file);
  return loadImage(writer.finish());
}

let ownImage: Image | undefined;

/** The image shipped with weft: its own options and admin service, gRPC health and reflection. */
export function weftImage(): Image {
  ownImage ??= readImage(new URL('../../gen/image.binpb', import.meta.url));
  return ownImage;
}

/** FileDescriptorSet.file: field 1, length-delimited. */
const fileTag = (1 << 3) | 2;

interface Contents {
  readonly outlines: readonly Outline[];
  readonly events: ReadonlyMap<string, EventOptions>;
  /** What cannot be meant, in words. */
  readonly problems: readonly string[];
}

/**
 * One pass over all files, one after the other: what a process must know of all of them stays, and the
 * descriptors go; those of the few files that it uses are made again (lazy-registry.ts).
 */
function readContents(bytes: Uint8Array): Contents {
  try {
    const outlines: Outline[] = [];
    const events = new Map<string, EventOptions>();
    const problems: string[] = [];
    for (const raw of rawFiles(bytes)) {
      const file = readFile(raw);
      outlines.push(outlineOf(file, raw));
      for (const message of declaredMessages(file)) {
        const event = eventOf(message, problems);
        if (event !== undefined) events.set(message.typeName, event);
        problems.push(...ruleFaults(message));
      }
    }
    const isKnown = new Set(outlines.flatMap(({ types }) => types));
    problems.push(...channelFaults(events, (typeName) => isKnown.has(typeName)));
    return { outlines, events, problems };
  } catch (thrown) {
    throw new MeshError(
      `${String(bytes.length)} bytes are no image: ${describe(thrown)}; write one with "buf build --as-file-descriptor-set -o image.binpb"`,
      { status: 'INVALID_ARGUMENT', reason: 'INVALID_IMAGE', cause: thrown },
    );
  }
}

/** The files as they stand in the set: writing them again could lose what this process does not know. */
function rawFiles(bytes: Uint8Array): Uint8Array[] {
  const reader = new BinaryReader(bytes);
  const files: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [fieldNo, wireType] = reader.tag();
    if (fieldNo === 1) files.push(reader.bytes());
    else reader.skip(wireType, fieldNo);
  }
  return files;
}
