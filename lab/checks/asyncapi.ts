import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderAsyncApi } from '../../mesh/cli/asyncapi.ts';
import { readImage } from '../../mesh/schema/image.ts';
import { type Check, fails, holds } from './check.ts';

/** Where the document stands. */
const asyncApiFile = 'docs/reference/asyncapi.yaml';

/** The AsyncAPI document of the contracts in gen/image.binpb. */
function render(root: string): string {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  const document = renderAsyncApi(readImage(join(root, 'gen/image.binpb')), {
    title: 'Messages of the stories in services/',
    version: manifest.version,
  });
  return `# Written by "make asyncapi" from the contracts; do not edit.\n${document}`;
}

export function writeAsyncApi(root: string): void {
  writeFileSync(join(root, asyncApiFile), render(root));
}

/** Holds when the AsyncAPI document is exactly what `make asyncapi` would write. */
export const asyncApi: Check = {
  name: 'asyncapi',
  async run(root) {
    const found = readFileSync(join(root, asyncApiFile), 'utf8');
    if (found === render(root)) return holds();
    return fails(`${asyncApiFile} differs from the contracts\nrun: make asyncapi`);
  },
};
