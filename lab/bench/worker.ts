/**
 * Runs one section in a process of its own, so that none inherits the heap or the compiled code of another,
 * and tells the parent what came of it.
 */
import { inspect } from 'node:util';
import { isSectionName, sections } from './sections.ts';

const [name = '', quick] = process.argv.slice(2);
if (!isSectionName(name)) throw new Error(`there is no section ${name}`);
// The parent says when it is over, and its end is the end of this process.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(1));
const say = (text: string): void => void process.stdout.write(`${text}\n`);
try {
  const section = await sections[name]();
  const report = await section({ quick: quick === '--quick', say });
  process.send?.({ report }, () => process.exit());
} catch (thrown) {
  say(inspect(thrown, { depth: 3 }).split('\n').slice(0, 40).join('\n'));
  process.exit(1);
}
