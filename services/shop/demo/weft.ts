import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { MeshError, z } from '#mesh';

const cli = join(import.meta.dirname, '../../../mesh/cli/main.ts');
const statusShape = z.object({ consul: z.url() });

/** The Consul of the mesh that runs in this checkout; brings the mesh up if it is not. */
export async function meshAddress(): Promise<string> {
  const status = await runWeft(['ps', '-o', 'json'], 'ignore').catch(async () => {
    process.stdout.write(await runWeft(['up']));
    return runWeft(['ps', '-o', 'json']);
  });
  return statusShape.parse(JSON.parse(status)).consul;
}

/** Runs a verb of weft and returns what it printed; throws when it fails, with its own words on stderr. */
export function runWeft(
  args: readonly string[],
  stderr: 'inherit' | 'ignore' = 'inherit',
): Promise<string> {
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', stderr] });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(printed);
      else
        reject(
          new MeshError(`weft ${args.join(' ')} ended with ${String(code)}`, {
            status: 'INTERNAL',
          }),
        );
    });
  });
}
