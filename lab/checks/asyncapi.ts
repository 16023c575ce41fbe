import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { asyncApiOf } from '../../mesh/events/asyncapi/document.ts';
import { readImage } from '../../mesh/schema/image.ts';
import { type Check, fails, holds } from './check.ts';

/** Where the document stands. */
export const asyncApiFile = 'docs/reference/asyncapi.yaml';

/** The AsyncAPI document of the contracts in gen/image.binpb. */
export function renderAsyncApi(root: string): string {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  const document = asyncApiOf(readImage(join(root, 'gen/image.binpb')), {
    title: 'Messages of the stories in services/',
    version: manifest.version,
  });
  return `# Written by "make asyncapi" from the contracts; do not edit.\n${stringify(document, { lineWidth: 120 })}`;
}

export function writeAsyncApi(root: string): void {
  writeFileSync(join(root, asyncApiFile), renderAsyncApi(root));
}

/** Holds when the AsyncAPI document is exactly what `make asyncapi` would write. */
export const asyncApi: Check = {
  name: 'asyncapi',
  async run(root) {
    const found = readFileSync(join(root, asyncApiFile), 'utf8');
    if (found === renderAsyncApi(root)) return holds();
    return fails(`${asyncApiFile} differs from the contracts\nrun: make asyncapi`);
  },
};
