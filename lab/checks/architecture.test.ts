import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { architecture, judge } from './architecture.ts';
import type { Verdict } from './check.ts';
import { createScratch, type Scratch } from './scratch.ts';

const repository = join(import.meta.dirname, '../..');

/** A house in which every import is allowed, the rarer ones too. */
const sound = {
  'mesh/kernel/clock.ts': "import { hrtime } from 'node:process';\nexport const clock = hrtime;",
  'mesh/kernel/clock.test.ts': "import '../testing/eventually.ts';\nimport './clock.ts';",
  'mesh/testing/eventually.ts': "import { clock } from '../kernel/clock.ts';\nexport { clock };",
  'mesh/resilience/guard.ts': "import 'cockatiel';\nimport '../kernel/clock.ts';",
  'mesh/discovery/consul.ts': "import '../kernel/clock.ts';\nexport const discovery = 1;",
  'mesh/rpc/client.ts': "import '@grpc/grpc-js';\nimport '../resilience/guard.ts';",
  'mesh/app/app.ts': "import '../rpc/client.ts';\nimport '../discovery/consul.ts';",
  'mesh/cli/main.ts': "import 'yaml';\nimport '../app/app.ts';",
  'mesh/index.ts': "import './app/app.ts';\nimport '../gen/weft/v1/options.ts';",
  'gen/weft/v1/options.ts': 'export const options = 1;',
  'gen/shop/orders.ts': "import '@grpc/grpc-js';",
  'services/shop/orders/main.ts': "import '#mesh';\nimport '#gen/shop/orders.ts';",
  'services/shop/orders/main.test.ts':
    "import './main.ts';\nimport 'jest';\nimport '../../../mesh/testing/eventually.ts';",
  'services/shop/inventory/main.ts': "import '#mesh';",
  'services/stage/stage.ts': "import '#mesh';\nexport const stage = 1;",
  'services/shop/demo/main.ts': "import '../../stage/stage.ts';",
  'lab/results.ts': "import '#mesh';\nimport '../mesh/testing/eventually.ts';",
};

/** One breach for every kind of rule: the rule, who breaks it, with which import. */
const breaches: readonly (readonly [rule: string, from: string, to: string])[] = [
  ['floor-0-kernel', 'mesh/kernel/upward.ts', '../app/app.ts'],
  ['floor-1-schema', 'mesh/schema/sideways.ts', '../resilience/guard.ts'],
  ['floor-2-identity', 'mesh/identity/types.ts', '../rpc/client.ts#type'],
  ['floor-7-cli', 'mesh/cli/round.ts', '../index.ts'],
  ['vendor-cockatiel', 'mesh/rpc/policy.ts', 'cockatiel'],
  ['vendor-@grpc/grpc-js', 'mesh/events/call.ts', '@grpc/grpc-js'],
  ['vendor-node-sqlite', 'mesh/events/outbox.ts', 'node:sqlite'],
  ['room-without-floor', 'mesh/attic/box.ts', '../kernel/clock.ts'],
  ['kernel-stands-alone', 'mesh/kernel/schema.ts', '../../gen/weft/v1/options.ts'],
  ['ports-not-adapters', 'mesh/rpc/adapter.ts', '../discovery/consul.ts'],
  ['front-door-hides-the-tools', 'mesh/door.ts', './cli/main.ts'],
  ['library-knows-no-story', 'mesh/app/story.ts', '../../gen/shop/orders.ts'],
  ['front-door-only', 'services/shop/orders/past.ts', '../../../mesh/rpc/client.ts'],
  ['services-are-strangers', 'services/shop/orders/peer.ts', '../inventory/main.ts'],
  ['stage-is-for-demos', 'services/shop/orders/stage.ts', '../../stage/stage.ts'],
  ['services-speak-no-vendor', 'services/shop/orders/vendor.ts', 'yaml'],
  ['not-to-test', 'mesh/app/test.ts', '../testing/eventually.ts'],
  ['not-to-dev-dep', 'mesh/app/dev.ts', 'jest'],
  ['no-cycles', 'mesh/app/hen.ts', './egg.ts'],
  ['no-orphans', 'mesh/app/orphan.ts', ''],
  ['resolvable', 'mesh/app/lost.ts', './nowhere.ts'],
];

let house: Scratch;
let whole: Verdict;
let broken: Verdict;

beforeAll(async () => {
  house = createScratch();
  cpSync(join(repository, 'tsconfig.json'), join(house.root, 'tsconfig.json'));
  house.write(packages({ dependencies: ['cockatiel', '@grpc/grpc-js', 'yaml'], dev: ['jest'] }));
  house.write(sound);
  whole = await architecture.run(house.root);
  for (const [, from, to] of breaches) house.write({ [from]: importing(to) });
  house.write({ 'mesh/app/egg.ts': importing('./hen.ts') });
  broken = await architecture.run(house.root);
});

afterAll(() => house.close());

test('a sound house passes, and says how much was looked at', () => {
  expect(whole).toEqual({ ok: true, report: expect.stringMatching(/^15 files, \d+ imports$/) });
});

describe('a seeded breach is caught', () => {
  test.each(breaches)('%s by %s', (rule, from) => {
    expect(broken.ok).toBe(false);
    expect(paragraph(rule)).toContain(from);
  });

  test('and for every kind of rule there is one', async () => {
    const kinds = await rulesOfTheHouse();
    const seeded = breaches.map(([rule]) => kind(rule));
    expect([...new Set(kinds.map(kind))].filter((each) => !seeded.includes(each))).toEqual([]);
  });
});

describe('what was not looked at does not pass', () => {
  test('no source file', async () => {
    const empty = createScratch();
    const verdict = await architecture.run(empty.root);
    empty.close();
    expect(verdict).toEqual({
      ok: false,
      report: 'there is no source file in mesh, services, lab',
    });
  });

  test('0 modules cruised', () => {
    const nothing = { totalDependenciesCruised: 0, violations: [], ruleSetUsed: { forbidden: [] } };
    expect(judge(['mesh/index.ts'], { modules: [], summary: nothing })).toEqual({
      ok: false,
      report: '1 of 1 files were not cruised: mesh/index.ts',
    });
  });
});

/** What the report says of one rule. */
function paragraph(rule: string): string {
  return broken.report.split(/\n(?! )/).find((each) => each.startsWith(`${rule}: `)) ?? '';
}

/** A "#type" at the end makes it an import of types only. */
function importing(to: string): string {
  if (to === '') return 'export const alone = 1;';
  const [path, typeOnly] = to.split('#');
  return typeOnly === undefined ? `import '${to}';` : `import type { x } from '${String(path)}';`;
}

function kind(rule: string): string {
  return rule.replace(/^(floor|vendor)-.*/, '$1');
}

async function rulesOfTheHouse(): Promise<string[]> {
  const file: string = join(repository, '.dependency-cruiser.mjs');
  const rules = (await import(file)) as { default: { forbidden: { name: string }[] } };
  return rules.default.forbidden.map(({ name }) => name);
}

/** A package.json that asks for packages, and the packages, with nothing in them. */
function packages({
  dependencies,
  dev,
}: {
  dependencies: string[];
  dev: string[];
}): Record<string, string> {
  const asked = (names: string[]): object =>
    Object.fromEntries(names.map((name) => [name, '1.0.0']));
  return {
    'package.json': JSON.stringify({
      type: 'module',
      imports: { '#mesh': './mesh/index.ts', '#gen/*': './gen/*' },
      dependencies: asked(dependencies),
      devDependencies: asked(dev),
    }),
    ...Object.fromEntries(
      [...dependencies, ...dev].flatMap((name) => [
        [`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0' })],
        [`node_modules/${name}/index.js`, ''],
      ]),
    ),
  };
}
