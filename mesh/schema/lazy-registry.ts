import {
  createFileRegistry,
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
  type FileRegistry,
} from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { describe, MeshError } from '../kernel/error.ts';
import { readFile } from './file.ts';
import type { Outline } from './outline.ts';

type DescType = DescMessage | DescEnum | DescExtension | DescService;

/**
 * A registry of protobuf-es that reads a file when one of its types is asked for. The contracts of a whole
 * mesh lie in one image, and a process uses a handful of its files: descriptors of all of them took more of
 * its memory than everything else that it keeps.
 *
 * `outlines` are in the order in which files may import each other. What reads a file throws
 * INVALID_ARGUMENT / INVALID_IMAGE where it refers to what is not there.
 */
export function createLazyRegistry(outlines: readonly Outline[]): FileRegistry {
  const byName = new Map(outlines.map((outline) => [outline.name, outline]));
  const fileOfType = new Map(outlines.flatMap(({ name, types }) => types.map((t) => [t, name])));
  const read = new Map<string, DescFile>();
  const types = new Map<string, DescType>();

  function fileAt(name: string): DescFile | undefined {
    const outline = byName.get(name);
    if (outline === undefined) return undefined;
    const known = read.get(name);
    if (known !== undefined) return known;
    const file = descriptorsOf(outline, fileAt);
    read.set(name, file);
    for (const type of nestedTypes(file)) types.set(type.typeName, type);
    return file;
  }

  function get(typeName: string): DescType | undefined {
    const file = fileOfType.get(typeName);
    if (file !== undefined && !read.has(file)) fileAt(file);
    return types.get(typeName);
  }

  const only = <K extends DescType['kind']>(kind: K, type: DescType | undefined) =>
    type?.kind === kind ? (type as Extract<DescType, { kind: K }>) : undefined;

  return {
    kind: 'registry',
    get,
    getMessage: (typeName) => only('message', get(typeName)),
    getEnum: (typeName) => only('enum', get(typeName)),
    getService: (typeName) => only('service', get(typeName)),
    getExtension: (typeName) => only('extension', get(typeName)),
    getExtensionFor(extendee, no) {
      const found = outlines
        .flatMap(({ extensions }) => extensions)
        .find((each) => each.number === no && each.extendee === extendee.typeName);
      return found && only('extension', get(found.typeName));
    },
    getFile: fileAt,
    get files() {
      return outlines.flatMap(({ name }) => fileAt(name) ?? []).values();
    },
    *[Symbol.iterator]() {
      for (const file of this.files) yield* nestedTypes(file);
    },
  };
}

function descriptorsOf(
  { name, bytes }: Outline,
  fileAt: (name: string) => DescFile | undefined,
): DescFile {
  try {
    const file = createFileRegistry(readFile(bytes), fileAt).getFile(name);
    if (file !== undefined) return file;
    throw new Error('it has another name inside');
  } catch (thrown) {
    throw new MeshError(`the image cannot be used: ${name}: ${describe(thrown)}`, {
      status: 'INVALID_ARGUMENT',
      reason: 'INVALID_IMAGE',
      cause: thrown,
    });
  }
}
