import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { InventoryServiceDefinition } from '../../gen/shop/inventory/v1/inventory.ts';
import { methodInfo } from '../schema/definition.ts';
import { describeFaults, validatePolicy } from './policy-schema.ts';

const methods = Object.values(InventoryServiceDefinition.methods).map((method) =>
  methodInfo(InventoryServiceDefinition, method),
);
const target = { name: 'inventory', methods };

const whole = {
  defaults: { timeoutMs: 1_000, attempts: 2 },
  methods: { GetStock: { maxExtraLoad: 0.01, retryOn: ['ABORTED'] }, Reserve: { attempts: 1 } },
  retry: { baseMs: 10, maxMs: 100 },
  budget: { share: 0.1, perSecond: 5 },
  breaker: { minSuccessRate: 0.5, consecutive: 3, openMs: 500, maxOpenMs: 5_000 },
  bulkhead: { maxInFlight: 64 },
  lane: false,
  unix: false,
};

const faultsOf = (value: unknown): string => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const read = validatePolicy(text, target);
  return read.ok ? 'none' : describeFaults(read.faults);
};

describe('a live policy', () => {
  test('is read with all that it may say', () => {
    expect(validatePolicy(JSON.stringify(whole), target)).toEqual({ ok: true, policy: whole });
    expect(validatePolicy('{}', target)).toEqual({ ok: true, policy: {} });
  });

  test.each([
    ['', 'is not JSON'],
    ['{"lane": fal', 'is not JSON'],
    ['[]', 'is not an object of settings'],
    ['null', 'is not an object of settings'],
    [{ timeout: 5 }, 'timeout is no setting'],
    [{ defaults: { timeoutMS: 5 } }, 'defaults.timeoutMS is no setting'],
    [{ defaults: { timeoutMs: '5s' } }, 'defaults.timeoutMs is no number'],
    [{ defaults: { timeoutMs: 0 } }, 'defaults.timeoutMs is less than 1'],
    [{ defaults: { timeoutMs: 1.5 } }, 'defaults.timeoutMs is no whole number'],
    [{ defaults: { timeoutMs: null } }, 'defaults.timeoutMs is no number'],
    [{ defaults: { attempts: 50 } }, 'defaults.attempts is more than 5'],
    [{ defaults: { maxExtraLoad: 2 } }, 'defaults.maxExtraLoad is more than 1'],
    [{ defaults: { retryOn: ['OK'] } }, 'defaults.retryOn.0 is none of CANCELLED, UNKNOWN'],
    [{ lane: 'no' }, 'lane is no boolean'],
    [{ breaker: { openMs: 10, maxOpenMs: 5 } }, 'breaker.maxOpenMs is less than openMs'],
    [{ methods: { Resserve: {} } }, 'methods.Resserve is no method of inventory, which has'],
    ['{"methods":{"__proto__":{"attempts":1}}}', 'methods.__proto__ is no method of inventory'],
    [{ methods: { Reserve: { maxExtraLoad: 0.1 } } }, 'methods.Reserve cannot be meant'],
  ])('%j is refused, and the fault is named', (value, fault) => {
    expect(faultsOf(value)).toContain(fault);
  });

  test('all its faults are named at once', () => {
    const faults = faultsOf({ lane: 1, defaults: { attempts: 0, timeoutMs: -1 } });
    for (const field of ['lane', 'defaults.attempts', 'defaults.timeoutMs']) {
      expect(faults).toContain(field);
    }
  });

  test('may name any method of a service whose schema is not known', () => {
    const strange = JSON.stringify({ methods: { Whatever: { attempts: 1 } } });
    expect(validatePolicy(strange, { name: 'other' }).ok).toBe(true);
    const hostile = JSON.stringify({ methods: { 'a b': {} } });
    expect(validatePolicy(hostile, { name: 'other' }).ok).toBe(false);
  });

  test('is never an exception, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const read = validatePolicy(text, target);
        return read.ok || read.faults.length > 0;
      }),
      { numRuns: 2_000 },
    );
  });
});
