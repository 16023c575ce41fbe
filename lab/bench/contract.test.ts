import { createHash } from 'node:crypto';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { run } from '../checks/command.ts';
import { documentNow } from '../suite/document.ts';
import { suite } from './suite.ts';
import { sampleOrders, sizeOf } from './work.ts';

const root = join(import.meta.dirname, '../..');
const contract = 'lab/bench/proto';

const sum = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

test('lab/bench/gen is what the contract says', async () => {
  const out = mkdtempSync(join(tmpdir(), 'weft-bench-gen-'));
  try {
    const template = ['--template', 'lab/bench/buf.gen.yaml'];
    const steps = [
      ['buf', 'lint', contract],
      ['buf', 'generate', contract, ...template, '--output', out],
      [
        'buf',
        'build',
        contract,
        '--as-file-descriptor-set',
        '-o',
        join(out, 'lab/bench/gen/image.binpb'),
      ],
    ] as const;
    for (const step of steps) expect(await run(root, step)).toMatchObject({ code: 0 });
    const files = (of: string): Map<string, string> =>
      new Map(
        globSync('**/*.{ts,binpb}', { cwd: join(of, 'lab/bench/gen') })
          .sort()
          .map((file) => [file, sum(join(of, 'lab/bench/gen', file))]),
      );
    expect(files(root)).toEqual(files(out));
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});

test('an order has about 160 bytes', () => {
  const sizes = sampleOrders(64).map(sizeOf);
  expect(Math.min(...sizes)).toBeGreaterThan(145);
  expect(Math.max(...sizes)).toBeLessThan(175);
});

test('the tables of docs/bench.md are those of lab/results/bench.json', () => {
  const { is, should } = documentNow(suite);
  expect(is).toBe(should);
});
