import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventOptions } from '../../mesh/schema/events.ts';
import { type Image, loadImage } from '../../mesh/schema/image.ts';
import { run } from './command.ts';

/**
 * What the contracts in `root` say otherwise than those in `base` of where messages travel: consumers,
 * streams and messages on their way are made after these, and a service of the old version would speak past
 * one of the new.
 */
export async function reroutes(root: string, base: string): Promise<string[]> {
  const [before, now] = await Promise.all([
    compile(base, join(base, 'before.binpb')),
    compile(root, join(base, 'now.binpb')),
  ]);
  return [...before.events].flatMap(([typeName, was]) => {
    const is = now.event(typeName);
    // A type that is gone is buf's to name.
    if (now.registry.getMessage(typeName) === undefined) return [];
    if (is === undefined)
      return [`${typeName} was ${was.kind} of ${was.channel}, and travels no more`];
    return changes(was, is).map((change) => `${typeName} changes its ${change}`);
  });
}

const kept = ['kind', 'channel', 'keyField', 'partitions', 'owner'] as const;

function changes(was: EventOptions, is: EventOptions): string[] {
  const found = kept.filter((what) => was[what] !== is[what]);
  const said = found.map((what) => `${what} from ${was[what] ?? 'none'} to ${is[what] ?? 'none'}`);
  // A reply that is new is no promise that was broken.
  if (was.reply !== undefined && was.reply !== is.reply) {
    said.push(`reply from ${was.reply} to ${is.reply ?? 'none'}`);
  }
  return said;
}

/** The module is named, as in breaking.ts. */
async function compile(directory: string, image: string): Promise<Image> {
  const command = ['buf', 'build', 'proto', '--as-file-descriptor-set', '--output', image] as const;
  const { code, stdout, stderr } = await run(directory, command);
  if (code !== 0) throw new Error(`buf build in ${directory}:\n${stdout}${stderr}`);
  return loadImage(readFileSync(image));
}
