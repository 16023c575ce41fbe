import type { MessageType } from './definition.ts';

/** How data of a service stand in a row of its database. */
export interface DataCodec<T> {
  /** The text that is kept. */
  write(data: T): string;
  /** What a row holds, whichever version wrote it. Throws for a text that is none. */
  read(text: string): unknown;
  /** Whether it is data of the present version. Throws when it is not. */
  check(value: unknown): T;
}

/** What checks JSON: a zod schema is one. */
export interface Shape<T> {
  parse(value: unknown): T;
}

/** JSON, checked each time it is read: `jsonData(z.object({ orderId: z.string() }))`. */
export function jsonData<T>(shape: Shape<T>): DataCodec<T> {
  return {
    write: (data) => JSON.stringify(data),
    read: (text) => JSON.parse(text) as unknown,
    check: (value) => shape.parse(value),
  };
}

/**
 * A message of the schema, in base64 of its bytes: fields that are added later are absent in old rows, as
 * everywhere in protobuf, so that few changes need `migrate`.
 */
export function messageData<T>(type: MessageType<T>): DataCodec<T> {
  return {
    write: (data) => Buffer.from(type.encode(data).finish()).toString('base64'),
    read: (text) => type.decode(Buffer.from(text, 'base64')),
    // What `read` or `migrate` gave.
    check: (value) => value as T,
  };
}
