import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { MeshError, z } from '#mesh';

const cli = join(import.meta.dirname, '../../mesh/cli/main.ts');
const statusShape = z.object({
  consul: z.url(),
  stories: z.array(z.string()),
  processes: z.array(
    z.object({ service: z.string(), story: z.string().optional(), health: z.string() }),
  ),
});

/** A story whose services run. */
export interface RunningStory {
  /** The HTTP address of Consul. */
  readonly consul: string;
  /** The names of its services. */
  readonly services: readonly string[];
}

/** The story as it runs in this checkout; brings up what of it does not run. */
export async function runningStory(story: string): Promise<RunningStory> {
  const before = await storyNow(story).catch(() => undefined);
  if (before?.whole === true) return before;
  process.stdout.write(await runWeft(['up', '--story', story]));
  return storyNow(story);
}

async function storyNow(story: string): Promise<RunningStory & { readonly whole: boolean }> {
  const printed = await runWeft(['ps', '-o', 'json'], 'ignore');
  const { consul, stories, processes } = statusShape.parse(JSON.parse(printed));
  // A service may play in several stories, "shop, edge": that those of the one run says nothing of the other's.
  const own = processes.filter((each) => each.story?.split(', ').includes(story));
  const isUp = stories.includes(story) || stories.includes('all');
  const whole = isUp && own.every(({ health }) => health === 'passing');
  return { consul, services: [...new Set(own.map(({ service }) => service))], whole };
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
