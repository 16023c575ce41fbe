import type {
  DescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';

/** What is kept in mind of a file that is not read: what it declares, and its bytes. */
export interface Outline {
  /** As it is imported. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The full names of all messages, enums, services and extensions, nested ones too. */
  readonly types: readonly string[];
  readonly services: readonly string[];
  readonly extensions: readonly ExtensionOutline[];
}

export interface ExtensionOutline {
  /** The full name of the message that it extends. */
  readonly extendee: string;
  readonly number: number;
  readonly typeName: string;
}

/** A message as the compiler wrote it, with its full name. */
export interface DeclaredMessage {
  readonly typeName: string;
  readonly proto: DescriptorProto;
}

/** Sums up a file. */
export function outlineOf(file: FileDescriptorProto, bytes: Uint8Array): Outline {
  const messages = declaredMessages(file);
  const inFile = scopeOf(file.package);
  const services = file.service.map(({ name }) => inFile(name));
  const enums = [
    ...file.enumType.map(({ name }) => inFile(name)),
    ...messages.flatMap(({ typeName, proto }) => proto.enumType.map(scoped(typeName))),
  ];
  const extensions = [
    ...file.extension.map(extensionIn(file.package)),
    ...messages.flatMap(({ typeName, proto }) => proto.extension.map(extensionIn(typeName))),
  ];
  const types = [...messages, ...extensions].map(({ typeName }) => typeName);
  return { name: file.name, bytes, types: [...types, ...enums, ...services], services, extensions };
}

/** Every message of a file, nested ones too; without those that stand for the entries of a map. */
export function declaredMessages(file: FileDescriptorProto): DeclaredMessage[] {
  const found: DeclaredMessage[] = [];
  const collect = (scope: string, messages: readonly DescriptorProto[]): void => {
    for (const proto of messages) {
      if (proto.options?.mapEntry === true) continue;
      const typeName = scopeOf(scope)(proto.name);
      found.push({ typeName, proto });
      collect(typeName, proto.nestedType);
    }
  };
  collect(file.package, file.messageType);
  return found;
}

/** Whether a field is one of several that exclude each other. proto3's "optional" is written as a oneof of its own. */
export function isInOneof(field: FieldDescriptorProto): boolean {
  return Object.hasOwn(field, 'oneofIndex') && !field.proto3Optional;
}

function scopeOf(scope: string): (name: string) => string {
  return (name) => (scope === '' ? name : `${scope}.${name}`);
}

function scoped(scope: string): (declared: { readonly name: string }) => string {
  return ({ name }) => scopeOf(scope)(name);
}

function extensionIn(scope: string): (field: FieldDescriptorProto) => ExtensionOutline {
  return ({ name, number, extendee }) => ({
    ...{ typeName: scopeOf(scope)(name), number },
    // Written with a dot in front: it is a full name.
    extendee: extendee.slice(1),
  });
}
