import type { ServiceNames } from './names.ts';

/** The text of each file, by its path in the project. */
export type Files = Readonly<Record<string, string>>;

/** The files of a new service: its contract, what it is made of, and a test over real sockets. */
export function serviceFiles(names: ServiceNames): Files {
  const { name, proto } = names;
  return {
    [`proto/${proto}/v1/${proto}.proto`]: contract(names),
    [`src/${name}/parts.ts`]: parts(names),
    [`src/${name}/main.ts`]: main(names),
    [`test/${name}.test.ts`]: test(names),
  };
}

const contract = ({ proto, pascal, name }: ServiceNames): string => `syntax = "proto3";

package ${proto}.v1;

import "weft/v1/options.proto";

// ${pascal}Service is what others may ask of ${name}.
service ${pascal}Service {
  // SayHello greets one person. Asking again does no harm, so callers may try another instance.
  rpc SayHello(SayHelloRequest) returns (SayHelloResponse) {
    option idempotency_level = NO_SIDE_EFFECTS;
    option (weft.v1.policy) = {timeout_ms: 500};
  }
}

message SayHelloRequest {
  string name = 1 [(weft.v1.rules) = {required: true, max_len: 80}];
}

message SayHelloResponse {
  string text = 1;
}
`;

const parts = ({
  proto,
  pascal,
  camel,
}: ServiceNames): string => `import { type AppTools, implement, type ServiceParts } from 'weft';
import { ${pascal}ServiceDefinition } from '../../gen/${proto}/v1/${proto}.ts';

/** Of its tools a service takes what it needs: client calls others, events speak and hear, store keeps. */
export function ${camel}Parts(_tools: AppTools<object>): ServiceParts<object> {
  return {
    services: [
      implement(${pascal}ServiceDefinition, {
        sayHello: ({ name }) => Promise.resolve({ text: \`Hello, \${name}!\` }),
      }),
    ],
  };
}
`;

const main = ({
  name,
  camel,
}: ServiceNames): string => `import { readImage, readSettings, runApp } from 'weft';
import { ${camel}Parts } from './parts.ts';

await runApp({
  name: '${name}',
  settings: readSettings(process.env),
  image: readImage(new URL('../../gen/image.binpb', import.meta.url)),
  build: ${camel}Parts,
});
`;

const test = ({
  name,
  proto,
  pascal,
  camel,
}: ServiceNames): string => `import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { readImage } from 'weft';
import { createInProcessMesh, errorOf } from 'weft/testing';
import { ${pascal}ServiceDefinition } from '../gen/${proto}/v1/${proto}.ts';
import { ${camel}Parts } from '../src/${name}/parts.ts';

const mesh = createInProcessMesh({
  image: readImage(new URL('../gen/image.binpb', import.meta.url)),
});
after(() => mesh.close());

await mesh.start({ name: '${name}', build: ${camel}Parts });
const ${camel} = mesh.client(${pascal}ServiceDefinition);

test('${name} greets by name', async () => {
  assert.equal((await ${camel}.sayHello({ name: 'Ada' })).text, 'Hello, Ada!');
});

test('${name} refuses a greeting without a name, with the field at fault', async () => {
  const { status, details } = await errorOf(${camel}.sayHello({ name: '' }));
  assert.equal(status, 'INVALID_ARGUMENT');
  assert.equal(details.violations?.[0]?.field, 'name');
});
`;
