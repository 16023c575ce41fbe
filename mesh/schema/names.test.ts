import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { weftImage } from './image.ts';
import { fieldKey } from './names.ts';

interface Case {
  maybeSnakeToCamel(name: string, options: { snakeToCamel: string[] }): string;
}

test('a proto name becomes the key that ts-proto makes of it, however odd the name', () => {
  const tsProto = createRequire(import.meta.url)('ts-proto/build/src/case.js') as Case;
  const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,12}$/);
  fc.assert(
    fc.property(name, (protoName) => {
      const options = { snakeToCamel: ['keys'] };
      expect(fieldKey(protoName)).toBe(tsProto.maybeSnakeToCamel(protoName, options));
    }),
    { numRuns: 1000 },
  );
});

test('every field of every message in gen/ is found under its key in the generated message', async () => {
  const generated = await generatedMessages();
  const compared: string[] = [];
  for (const file of weftImage().registry.files) {
    for (const type of nestedTypes(file)) {
      const message = type.kind === 'message' ? generated.get(type.typeName) : undefined;
      if (type.kind !== 'message' || message === undefined) continue;
      const single = type.fields.filter((field) => field.oneof === undefined);
      const keys = [...single, ...type.oneofs].map(({ name }) => fieldKey(name));
      expect({ [type.typeName]: Object.keys(message.create()).sort() }).toEqual({
        [type.typeName]: keys.sort(),
      });
      compared.push(type.typeName);
    }
  }
  expect(compared).toContain('shop.orders.v1.PlaceOrderRequest');
  expect(compared.length).toBeGreaterThan(60);
});

interface Creates {
  readonly $type: string;
  create(): object;
}

function creates(value: unknown): value is Creates {
  return typeof value === 'object' && value !== null && '$type' in value && 'create' in value;
}

async function generatedMessages(): Promise<Map<string, Creates>> {
  const gen = fileURLToPath(new URL('../../gen/', import.meta.url));
  const files = readdirSync(gen, { recursive: true, encoding: 'utf8' });
  const modules = files.filter((file) => file.endsWith('.ts')).map((file) => `${gen}${file}`);
  const loaded = await Promise.all(modules.map((path) => import(path) as Promise<object>));
  const values = loaded.flatMap((module): unknown[] => Object.values(module));
  return new Map(values.filter(creates).map((message) => [message.$type, message]));
}
