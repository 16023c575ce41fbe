import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Status } from '#gen/google/rpc/status.ts';
import { GetStockRequest, GetStockResponse } from '#gen/shop/inventory/v1/inventory.ts';
import { testTokens } from '../../mesh/testing/edge-rig.ts';
import { meshWithInventory, startGateway } from '../../mesh/testing/gateway-ground.ts';
import type { InProcessMesh } from '../../mesh/testing/in-process.ts';

let mesh: InProcessMesh;
let address = '';

beforeEach(async () => {
  mesh = await meshWithInventory();
  address = await startGateway(mesh);
});

afterEach(() => mesh.close());

describe('gRPC-Web', () => {
  const call = async (body: Buffer | string, type: string, path = 'GetStock'): Promise<Buffer> => {
    const url = `${address}/shop.inventory.v1.InventoryService/${path}`;
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body });
    return Buffer.from(await answer.arrayBuffer());
  };
  const request = (sku: string): Buffer => {
    const message = GetStockRequest.encode({ sku }).finish();
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    return Buffer.concat([head, message]);
  };

  test('answers with a message and trailers, in bytes and as text', async () => {
    const bytes = await call(request('TEA-GREEN'), 'application/grpc-web+proto');
    const text = await call(
      request('TEA-GREEN').toString('base64'),
      'application/grpc-web-text+proto',
    );
    const pieces = text.toString().match(/[^=]+={0,2}/g) ?? [];
    for (const body of [bytes, Buffer.concat(pieces.map((one) => Buffer.from(one, 'base64')))]) {
      const length = body.readUInt32BE(1);
      const { item } = GetStockResponse.decode(body.subarray(5, 5 + length));
      expect(item?.sku).toBe('TEA-GREEN');
      expect(body.readUInt8(5 + length)).toBe(0x80);
      expect(body.subarray(10 + length).toString()).toBe('grpc-status: 0\r\n');
    }
  });

  test('a refusal comes with its details', async () => {
    const body = await call(request('NO-SUCH'), 'application/grpc-web+proto');
    const trailers = body.subarray(5).toString();
    expect(trailers).toContain('grpc-status: 5');
    const [, details = ''] = /grpc-status-details-bin: (\S+)/.exec(trailers) ?? [];
    expect(Status.decode(Buffer.from(details, 'base64')).code).toBe(5);
    expect(
      (await call(request('x'), 'application/grpc-web+proto', 'Reserve')).toString(),
    ).toContain('grpc-status: 12');
  });

  test('whoever has no token hears it in the words of gRPC', async () => {
    address = await startGateway(mesh, { tokens: testTokens });
    const body = await call(request('TEA-GREEN'), 'application/grpc-web+proto');
    expect(body.subarray(5).toString()).toContain('grpc-status: 16');
  });
});
