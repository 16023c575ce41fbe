import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';

test('whoever reads a part of what weft says and goes has seen no failure', async () => {
  const main = join(import.meta.dirname, 'main.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, '--help'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // Before a word is said: what is written then meets nobody.
  child.stdout.destroy();
  const [said, ended] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  expect({ said, ended }).toEqual({ said: '', ended: [0, null] });
}, 20_000);
