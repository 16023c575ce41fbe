import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { freshness, regenerate } from './generate.ts';
import { createScratch, type Scratch } from './scratch.ts';

const plugin = join(import.meta.dirname, '../../node_modules/.bin/protoc-gen-ts_proto');
const contract = (field: string): string => `syntax = "proto3";

package greet.v1;

message Greeting {
  string ${field} = 1;
}
`;

let scratch: Scratch;

beforeEach(async () => {
  scratch = createScratch();
  scratch.write({
    'buf.yaml': 'version: v2\nmodules: [{ path: proto }]\n',
    'buf.gen.yaml': `version: v2\nplugins: [{ local: ${plugin}, out: gen, opt: [outputIndex=false] }]\n`,
    'proto/greet/v1/greet.proto': contract('name'),
  });
  await regenerate(scratch.root);
});

afterEach(() => scratch.close());

test('what make gen wrote is fresh, and the image is part of it', async () => {
  expect(existsSync(join(scratch.root, 'gen/image.binpb'))).toBe(true);
  expect(await freshness.run(scratch.root)).toMatchObject({ ok: true });
});

test('a contract that changed, code that is gone and code without a contract are named', async () => {
  scratch.write({
    'proto/greet/v1/greet.proto': contract('title'),
    'proto/greet/v1/more.proto': contract('name').replace('Greeting', 'More'),
    'gen/greet/v1/old.ts': '',
  });
  expect(await freshness.run(scratch.root)).toEqual({
    ok: false,
    report: [
      'gen/greet/v1/greet.ts differs from its contract',
      'gen/greet/v1/more.ts is missing',
      'gen/greet/v1/old.ts has no contract any more',
      'gen/image.binpb differs from its contract',
      'run: make gen',
    ].join('\n'),
  });
});

test('a deleted contract leaves nothing behind', async () => {
  scratch.write({ 'proto/greet/v1/more.proto': contract('name').replace('Greeting', 'More') });
  await regenerate(scratch.root);
  scratch.write({ 'proto/greet/v1/more.proto': null });
  await regenerate(scratch.root);
  expect(existsSync(join(scratch.root, 'gen/greet/v1/more.ts'))).toBe(false);
});

test('a faulty contract is refused by its place, and gen/ stays as it was', async () => {
  const before = readFileSync(join(scratch.root, 'gen/greet/v1/greet.ts'), 'utf8');
  scratch.write({ 'proto/greet/v1/greet.proto': contract('Name') });
  await expect(regenerate(scratch.root)).rejects.toThrow('proto/greet/v1/greet.proto:6:10');
  expect(readFileSync(join(scratch.root, 'gen/greet/v1/greet.ts'), 'utf8')).toBe(before);
});

test('a rule that buf takes and weft cannot mean is refused by its field, and gen/ stays as it was', async () => {
  const before = readFileSync(join(scratch.root, 'gen/greet/v1/greet.ts'), 'utf8');
  const options = readFileSync(
    join(import.meta.dirname, '../../proto/weft/v1/options.proto'),
    'utf8',
  );
  const ruled = contract('name')
    .replace('v1;\n', 'v1;\n\nimport "weft/v1/options.proto";\n')
    .replace('name = 1', 'name = 1 [(weft.v1.rules) = {pattern: "["}]');
  scratch.write({
    'proto/weft/v1/options.proto': options,
    'proto/greet/v1/greet.proto': ruled,
  });
  await expect(regenerate(scratch.root)).rejects.toThrow(
    /greet.v1.Greeting.name: pattern "\[" does not compile/,
  );
  expect(readFileSync(join(scratch.root, 'gen/greet/v1/greet.ts'), 'utf8')).toBe(before);
});
