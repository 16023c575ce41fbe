import { readFileSync } from 'node:fs';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { extname, join } from 'node:path';

/** A file that a browser asks for. */
export interface Asset {
  readonly type: string;
  readonly body: Buffer;
}

const script = 'text/javascript; charset=utf-8';

/** What the page needs beside itself, by path; read once. */
export function readAssets(): ReadonlyMap<string, Asset> {
  const { resolve } = createRequire(import.meta.url);
  const page = join(import.meta.dirname, 'page');
  return new Map([
    ['/console.css', asset('text/css; charset=utf-8', readFileSync(join(page, 'console.css')))],
    ['/icon.svg', asset('image/svg+xml', readFileSync(join(page, 'icon.svg')))],
    ['/console.js', asset(script, browserScript(page))],
    ['/idiomorph.js', asset(script, readFileSync(resolve('idiomorph/dist/idiomorph.min.js')))],
  ]);
}

/** The sources are run as they are, in the browser too: without their types. In dist/ they have none. */
function browserScript(page: string): string {
  const extension = extname(import.meta.filename);
  const source = readFileSync(join(page, `live${extension}`), 'utf8');
  return extension === '.ts' ? stripTypeScriptTypes(source) : source;
}

function asset(type: string, body: Buffer | string): Asset {
  return { type, body: Buffer.from(body) };
}
