import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createScratch, type Scratch } from './scratch.ts';
import { vendored } from './vendored.ts';

const sum = createHash('sha256').update('as it came').digest('hex');

let scratch: Scratch;

beforeEach(() => {
  scratch = createScratch();
  scratch.write({
    'third_party/SHA256SUMS': `${sum}  far/v1/far.proto\n`,
    'third_party/far/v1/far.proto': 'as it came',
  });
});

afterEach(() => scratch.close());

test('files that are what their sums say hold', async () => {
  expect(await vendored.run(scratch.root)).toMatchObject({ ok: true });
});

test.each([
  ['changed', { 'third_party/far/v1/far.proto': 'edited' }, 'far/v1/far.proto was changed'],
  ['missing', { 'third_party/far/v1/far.proto': null }, 'far/v1/far.proto is missing'],
  ['unknown', { 'third_party/new/v1/new.proto': '' }, 'new/v1/new.proto is not in SHA256SUMS'],
])('a file that is %s is named', async (_, files, fault) => {
  scratch.write(files);
  const { ok, report } = await vendored.run(scratch.root);
  expect(ok).toBe(false);
  expect(report).toContain(`third_party/${fault}\n`);
});
