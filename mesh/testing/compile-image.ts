import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Image, loadImage } from '../schema/image.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The image of proto sources written in a test, by file name; they may import weft/v1/options.proto
 * and google/api/annotations.proto.
 * Compiled by the real buf, so that what is tested is what the compiler writes.
 */
export function compileImage(sources: Readonly<Record<string, string>>): Image {
  const dir = mkdtempSync(join(tmpdir(), 'weft-image-'));
  try {
    cpSync(join(root, 'proto/weft/v1'), join(dir, 'proto/weft/v1'), { recursive: true });
    if (Object.values(sources).some((source) => source.includes('"google/api/'))) {
      cpSync(join(root, 'third_party/google/api'), join(dir, 'proto/google/api'), {
        recursive: true,
      });
    }
    writeFileSync(join(dir, 'buf.yaml'), 'version: v2\nmodules: [{ path: proto }]\n');
    for (const [name, source] of Object.entries(sources)) {
      const path = join(dir, 'proto', name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, source);
    }
    const args = ['build', '--as-file-descriptor-set', '-o', 'image.binpb'];
    execFileSync(join(root, 'node_modules/.bin/buf'), args, { cwd: dir });
    return loadImage(readFileSync(join(dir, 'image.binpb')));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
