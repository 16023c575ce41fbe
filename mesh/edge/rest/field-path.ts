import type { DescField, DescMessage } from '@bufbuild/protobuf';

/** A field by its name in the contract or in JSON. */
export function fieldNamed(message: DescMessage, name: string): DescField | undefined {
  return message.fields.find((field) => field.name === name || field.jsonName === name);
}

/** The fields of a path as "order.lines.sku", one after the other; undefined if it leads nowhere. */
export function fieldAt(message: DescMessage, path: string): DescField[] | undefined {
  const fields: DescField[] = [];
  let at: DescMessage | undefined = message;
  for (const name of path.split('.')) {
    const field: DescField | undefined = at && fieldNamed(at, name);
    if (field === undefined) return undefined;
    fields.push(field);
    at = field.message;
  }
  return fields;
}
