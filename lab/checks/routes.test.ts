import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { breaking } from './breaking.ts';
import { createScratch, type Scratch } from './scratch.ts';

const options = readFileSync(
  join(import.meta.dirname, '../../proto/weft/v1/options.proto'),
  'utf8',
);
const message = (name: string, option: string): string =>
  `message ${name} { ${option === '' ? '' : `option ${option};`} string id = 1; string table = 2; }`;
const contract = (...messages: readonly string[]): Record<string, string> => ({
  'proto/kitchen/v1/orders.proto': `syntax = "proto3";
package kitchen.v1;
import "weft/v1/options.proto";
message Ready {}
message Burnt {}
${messages.join('\n')}
`,
});

let repository: Scratch;
beforeEach(async () => {
  repository = createScratch();
  await repository.git('init', '--quiet', '--initial-branch=main');
  repository.write({
    'buf.yaml': 'version: v2\nmodules: [{ path: proto }]\nbreaking: { use: [FILE] }\n',
    'proto/weft/v1/options.proto': options,
  });
});
afterEach(() => repository.close());

const command = (channel: string, reply: string): string =>
  `(weft.v1.command) = { channel: "${channel}", key: "id", owner: "kitchen", reply: "kitchen.v1.${reply}" }`;
const event = (channel: string, more = ''): string =>
  `(weft.v1.event) = { channel: "${channel}", key: "id"${more} }`;

test('a message that travels otherwise than before is red, and every change is named', async () => {
  repository.write(
    contract(
      message('Moved', event('a')),
      message('Keyed', event('b')),
      message('Divided', event('c')),
      message('Turned', command('d', 'Ready')),
      message('Answered', command('e', 'Ready')),
      message('Silent', event('f')),
    ),
  );
  await repository.commit('before');
  repository.write(
    contract(
      message('Moved', event('z')),
      message('Keyed', event('b').replace('"id"', '"table"')),
      message('Divided', event('c', ', partitions: 4')),
      message('Turned', event('d', ', reply: "kitchen.v1.Ready"')),
      message('Answered', command('e', 'Burnt').replace('"kitchen"', '"bar"')),
      message('Silent', ''),
    ),
  );
  await repository.commit('after');
  const { ok, report } = await breaking.run(repository.root);
  expect(ok).toBe(false);
  expect(report.split('\n').slice(1)).toEqual([
    'kitchen.v1.Moved changes its channel from a to z',
    'kitchen.v1.Keyed changes its keyField from id to table',
    'kitchen.v1.Divided changes its partitions from 0 to 4',
    'kitchen.v1.Turned changes its kind from command to event',
    'kitchen.v1.Turned changes its owner from kitchen to none',
    'kitchen.v1.Answered changes its owner from kitchen to bar',
    'kitchen.v1.Answered changes its reply from kitchen.v1.Ready to kitchen.v1.Burnt',
    'kitchen.v1.Silent was event of f, and travels no more',
  ]);
});

test('a reply that is new, and a message that begins to travel, are green', async () => {
  repository.write(contract(message('Mute', event('a')), message('Silent', '')));
  await repository.commit('before');
  const replied = event('a', ', reply: "kitchen.v1.Ready"');
  repository.write(contract(message('Mute', replied), message('Silent', event('b'))));
  await repository.commit('after');
  expect(await breaking.run(repository.root)).toMatchObject({ ok: true });
});
