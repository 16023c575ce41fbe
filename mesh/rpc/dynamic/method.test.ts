import { describe, expect, test } from '@jest/globals';
import { FileDescriptorProto } from '../../../gen/google/protobuf/descriptor.ts';
import { imageOfFiles, weftImage } from '../../schema/image.ts';
import { loadMethod } from './method.ts';

const method = 'shop.orders.v1.OrdersService/PlaceOrder';

function schemaWith(more: FileDescriptorProto) {
  const files = [...weftImage().files.values()].map(({ bytes }) => bytes);
  const image = imageOfFiles([...files, FileDescriptorProto.encode(more).finish()]);
  return { address: '127.0.0.1:1', services: image.services, image };
}

const declaring = (name: string): FileDescriptorProto =>
  FileDescriptorProto.fromPartial({
    ...{ name: 'beside.proto', package: 'beside', syntax: 'proto3' },
    messageType: [{ name }],
  });

describe('the contract of a method as a server tells it', () => {
  test('is loaded, whatever else the server tells', () => {
    expect(loadMethod(schemaWith(declaring('Fine')), method).desc.name).toBe('PlaceOrder');
  });

  test('is refused with a name that is no identifier, also in a file that the method does not need', () => {
    const schema = schemaWith(declaring('A(){};process.exit'));
    expect(() => loadMethod(schema, method)).toThrow(/beside\.proto: .*invalid message name/);
  });
});
