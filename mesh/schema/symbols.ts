import type { DescFile } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import type { Image } from './image.ts';

/** The index that reflection asks: which file declares what. */
export interface Symbols {
  /** The name itself, if the image has such a file. */
  file(name: string): string | undefined;
  /** The file that declares a fully qualified name: a type, a service, a method, a field, an enum value. */
  fileOfSymbol(symbol: string): string | undefined;
  fileOfExtension(extendee: string, number: number): string | undefined;
  /** The numbers of all extensions of a message, sorted; undefined if there is no such message. */
  extensionNumbers(extendee: string): number[] | undefined;
  /** All files that a file imports, directly or not, each once. */
  imports(name: string): string[];
  /** The google.protobuf.FileDescriptorProto of a file. */
  bytes(name: string): Uint8Array;
}

/** Indexes an image. */
export function createSymbols(image: Image): Symbols {
  const bySymbol = new Map<string, string>();
  const byExtension = new Map<string, Map<number, string>>();
  for (const file of image.registry.files) indexFile(file, bySymbol, byExtension);

  return {
    file: (name) => (image.files.has(name) ? name : undefined),
    fileOfSymbol: (symbol) => bySymbol.get(symbol),
    fileOfExtension: (extendee, number) => byExtension.get(extendee)?.get(number),
    extensionNumbers(extendee) {
      if (image.registry.getMessage(extendee) === undefined) return undefined;
      return [...(byExtension.get(extendee)?.keys() ?? [])].sort((a, b) => a - b);
    },
    imports(name) {
      const found = new Set<string>();
      collectImports(image.registry.getFile(name), found);
      return [...found];
    },
    bytes: (name) => image.files.get(name)?.bytes ?? new Uint8Array(),
  };
}

function indexFile(
  file: DescFile,
  bySymbol: Map<string, string>,
  byExtension: Map<string, Map<number, string>>,
): void {
  const { name } = file.proto;
  for (const type of nestedTypes(file)) {
    bySymbol.set(type.typeName, name);
    switch (type.kind) {
      case 'message':
        for (const { name: part } of [...type.fields, ...type.oneofs]) {
          bySymbol.set(`${type.typeName}.${part}`, name);
        }
        break;
      case 'service':
        for (const method of type.methods) bySymbol.set(`${type.typeName}.${method.name}`, name);
        break;
      case 'enum':
        // Enum values are siblings of their enum, not children (C++ scoping, kept by protobuf).
        for (const value of type.values) {
          bySymbol.set(type.typeName.slice(0, -type.name.length) + value.name, name);
        }
        break;
      case 'extension': {
        const numbers = byExtension.get(type.extendee.typeName) ?? new Map<number, string>();
        byExtension.set(type.extendee.typeName, numbers.set(type.number, name));
        break;
      }
    }
  }
}

function collectImports(file: DescFile | undefined, found: Set<string>): void {
  for (const dependency of file?.dependencies ?? []) {
    if (found.has(dependency.proto.name)) continue;
    found.add(dependency.proto.name);
    collectImports(dependency, found);
  }
}
