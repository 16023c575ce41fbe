import type { DescField, DescMessage, DescMethod, DescService } from '@bufbuild/protobuf';

/** Numbers of google.protobuf.FileDescriptorProto and DescriptorProto: how a place in a file is written. */
const place = { message: 4, nested: 3, field: 2, service: 6, method: 2 } as const;

type Commented = DescMessage | DescField | DescMethod | DescService;

/** What the contract says above a message, field, service or method, on one line; empty where it says nothing. */
export function commentOf(desc: Commented): string {
  const path = pathOf(desc);
  const file = 'file' in desc ? desc.file : desc.parent.file;
  const found = file.proto.sourceCodeInfo?.location.find(
    (location) => location.path.join() === path.join(),
  );
  return (found?.leadingComments ?? '').trim().replaceAll(/\s+/g, ' ');
}

function pathOf(desc: Commented): number[] {
  if (desc.kind === 'rpc') {
    const { parent } = desc;
    const service = parent.file.services.indexOf(parent);
    return [place.service, service, place.method, parent.methods.indexOf(desc)];
  }
  if (desc.kind === 'service') return [place.service, desc.file.services.indexOf(desc)];
  if (desc.kind === 'field') {
    return [...pathOf(desc.parent), place.field, desc.parent.fields.indexOf(desc)];
  }
  const { parent, file } = desc;
  if (parent !== undefined) {
    return [...pathOf(parent), place.nested, parent.nestedMessages.indexOf(desc)];
  }
  return [place.message, file.messages.indexOf(desc)];
}
