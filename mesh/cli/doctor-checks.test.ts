import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { checkNode, examine } from './doctor-checks.ts';

test('an old Node is a fault with its mend', () => {
  expect(checkNode('24.21.0').verdict).toBe('ok');
  expect(checkNode('20.20.2')).toMatchObject({
    verdict: 'fault',
    detail: '20.20.2, and weft needs 22.22.2 or newer',
    mend: expect.stringContaining('npm ci'),
  });
});

test('a folder without a mesh is told so, and what would make it one', async () => {
  const root = mkdtempSync(join(tmpdir(), 'weft-doctor-'));
  const findings = await examine({ root, run: join(root, '.run') });
  rmSync(root, { recursive: true });
  expect(findings).toContainEqual({ what: 'state', verdict: 'ok', detail: 'no mesh runs here' });
  expect(findings).toContainEqual({
    what: 'weft.yaml',
    verdict: 'fault',
    detail: expect.stringContaining('there is no mesh to run'),
    mend: expect.stringContaining('docs/reference/weft-yaml.md'),
  });
});
