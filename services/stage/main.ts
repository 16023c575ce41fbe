/** `make demo STORY=<name>`: plays services/<name>/demo; the shop's when no name is given. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const stories = join(import.meta.dirname, '..');
const demoOf = (story: string): string => join(stories, story, 'demo', 'main.ts');

const story = process.argv[2] ?? 'shop';
const playable = readdirSync(stories).filter((each) => existsSync(demoOf(each)));
if (playable.includes(story)) {
  await import(demoOf(story));
} else {
  process.stderr.write(`there is no demo of ${story}; there are ${playable.join(', ')}\n`);
  process.exitCode = 2;
}
