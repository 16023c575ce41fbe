import { expect, test } from '@jest/globals';
import { GetPolicyResponse } from '../../gen/weft/admin/v1/admin.ts';
import { meshPolicy } from './mesh-policy.ts';

const timeout = { target: 'orders', method: 'PlaceOrder', setting: 'timeoutMs' };

const says = (instanceId: string, value: string, origin: string): GetPolicyResponse =>
  GetPolicyResponse.create({ instanceId, values: [{ ...timeout, value, origin }] });

test('callers that agree share a row, and one that does not has its own', () => {
  const { settings, callers } = meshPolicy([
    says('gateway-1', '300', 'kv'),
    says('gateway-2', '2000', 'default'),
    says('demo-1', '300', 'kv'),
  ]);
  const row = { method: 'PlaceOrder', setting: 'timeoutMs', disputed: true };
  expect(settings).toEqual([
    { ...row, value: '300', origin: 'kv', callers: ['demo-1', 'gateway-1'] },
    { ...row, value: '2000', origin: 'default', callers: ['gateway-2'] },
  ]);
  expect(callers).toEqual(['demo-1', 'gateway-1', 'gateway-2']);
  expect(meshPolicy([says('a', '1', 'kv'), says('b', '1', 'kv')]).settings[0]?.disputed).toBe(
    false,
  );
});

test('what is refused is said once, with all who refuse it', () => {
  const faults = [{ target: 'orders', message: 'timeoutMs is less than 1' }];
  const answers = ['a', 'b'].map((instanceId) => GetPolicyResponse.create({ instanceId, faults }));
  expect(meshPolicy(answers).faults).toEqual([
    { message: 'timeoutMs is less than 1', callers: ['a', 'b'] },
  ]);
});
