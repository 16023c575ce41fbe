import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import type { Flaw } from '../testing/model-flaw.ts';

const program = fileURLToPath(new URL('../testing/model-walk.ts', import.meta.url));

/** What walks of the model say of the code with a flaw in it. */
async function walk(flaw: Flaw, runs = 300): Promise<string> {
  const args = [program, String(runs), '3', JSON.stringify(flaw)];
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    ...args,
  ]);
  return stdout;
}

const place = 'events/consume/ordered-place.ts';
const flaws: [what: string, flaw: Flaw, finds: RegExp][] = [
  [
    'a process that slept may still write (no fencing)',
    {
      file: 'events/outbox/lease.ts',
      is: 'if (rows.length === 0) throw lost(name);',
      becomes: '',
    },
    /effects of key/,
  ],
  [
    'the later events of a key pass the one that is parked',
    {
      file: place,
      is: 'if (row === undefined && this.#parked.has(key)) return await this.#parkBehind(entry);',
      becomes: '',
    },
    /effects of key/,
  ],
  [
    'whoever takes over a place does not learn which keys are parked',
    { file: place, is: 'for (const key of keys) this.#parked.add(key);', becomes: 'void keys;' },
    /effects of key/,
  ],
  [
    'of the parked events of a key any may come first',
    {
      file: 'events/consume/parked-keys.ts',
      is: ".whereRef('before.sequence', '<', 'head.sequence')",
      becomes: ".whereRef('before.sequence', '<', 'before.sequence')",
    },
    /effects of key/,
  ],
  [
    'a lane goes on while its first event waits',
    {
      file: 'events/consume/lanes.ts',
      is: 'else this.#wait(lane, again.againMs);',
      becomes: 'else { this.#next(lane); this.add(lane.name, job); }',
    },
    /effects of key/,
  ],
  [
    'a key that shall stop does not',
    {
      file: 'events/consume/counted.ts',
      is: 'if (stops) await park(tx, { ...waiting, notBeforeMs: never });',
      becomes: '',
    },
    /effects of key/,
  ],
  [
    'what comes twice has its effect twice',
    {
      file: 'events/consume/inbox.ts',
      is: 'if (isNew) await effect(tx);',
      becomes: 'await effect(tx);',
    },
    /found/,
  ],
  [
    'an event is acknowledged before it is handled',
    {
      file: place,
      is: 'const verdict = await this.#options.consume(incoming);',
      becomes:
        'if (row === undefined) this.#settle(entry);\nconst verdict = await this.#options.consume(incoming);',
    },
    /found/,
  ],
  [
    'a place that is lost gives back at once what comes again at once',
    { file: place, is: 'delivery.nak(afterFaultMs);', becomes: 'delivery.nak();' },
    /time stands still/,
  ],
];

// The model itself must be able to fail: each of these is one line of the code, put wrong.
test.each(flaws)(
  'the model finds it when %s',
  async (_, flaw, finds) => {
    const said = await walk(flaw);
    expect(said).toMatch(/^found/);
    expect(said).toMatch(finds);
  },
  300_000,
);
