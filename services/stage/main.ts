/** `make demo STORY=<name>`: plays services/<name>/demo; the shop's when no name is given, one after another for "all". */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const stories = join(import.meta.dirname, '..');
const demoOf = (story: string): string => join(stories, story, 'demo', 'main.ts');

const story = process.argv[2] ?? 'shop';
const playable = readdirSync(stories).filter((each) => existsSync(demoOf(each)));
const chosen = playable.filter((each) => story === 'all' || each === story);
for (const each of chosen) {
  if (story === 'all') process.stdout.write(`\n== ${each}\n`);
  await import(demoOf(each));
}
if (chosen.length === 0) {
  process.stderr.write(`there is no demo of ${story}; there are ${playable.join(', ')}, all\n`);
  process.exitCode = 2;
}
// A demo that failed in the middle of a call leaves the call behind; nobody waits for it.
process.exit();
