import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { namesOf } from './new/names.ts';
import { projectFiles } from './new/project-files.ts';
import { newProject, newService } from './new/write.ts';

let folder: string;
const read = (path: string): string => readFileSync(join(folder, path), 'utf8');

/** As npm leaves a folder after npm init --yes and npm install weft. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-new-'));
  mkdirSync(join(folder, 'node_modules', 'weft'), { recursive: true });
  const test = 'echo "Error: no test specified" && exit 1';
  const said = { name: 'greetings', type: 'commonjs', scripts: { test, mine: 'true' } };
  const dependencies = { weft: 'file:weft.tgz' };
  const devDependencies = { typescript: '6.0.1' };
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ ...said, dependencies, devDependencies }),
  );
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('a new project', () => {
  test('has a contract, a service, a test and what makes and runs them', () => {
    const written = newProject(folder, namesOf('pick-list'));
    expect(written).toEqual(
      expect.arrayContaining(['proto/pick_list/v1/pick_list.proto', 'src/pick-list/main.ts']),
    );
    expect(read('proto/pick_list/v1/pick_list.proto')).toContain('service PickListService {');
    expect(read('src/pick-list/parts.ts')).toContain('export function pickListParts(');
    expect(parse(read('deploy/weft.yaml'))).toMatchObject({
      services: { 'pick-list': { run: 'src/pick-list/main.ts', port: 1 } },
      examples: [{ method: 'pick_list.v1.PickListService/SayHello' }],
    });
  });

  test('keeps what package.json says, and adds what is missing in the versions that weft is made with', () => {
    newProject(folder, namesOf('greeter'));
    const own = JSON.parse(
      readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
    ) as { devDependencies: Record<string, string> };
    expect(JSON.parse(read('package.json'))).toEqual({
      ...{ name: 'greetings', type: 'module', dependencies: { weft: 'file:weft.tgz' } },
      scripts: {
        ...{ mine: 'true', test: 'tsc && node --test' },
        gen: 'buf generate && buf build --as-file-descriptor-set --output gen/image.binpb',
      },
      devDependencies: {
        '@bufbuild/buf': own.devDependencies['@bufbuild/buf'],
        'ts-proto': own.devDependencies['ts-proto'],
        typescript: '6.0.1',
        '@types/node': own.devDependencies['@types/node'],
      },
    });
  });

  test('is written whole or not at all where a file is there already', () => {
    writeFileSync(join(folder, 'tsconfig.json'), '{}');
    const before = read('package.json');
    expect(() => newProject(folder, namesOf('greeter'))).toThrow(
      /nothing was written: tsconfig.json is there already.*another name or an empty folder/,
    );
    expect(read('package.json')).toBe(before);
    expect(() => read('buf.yaml')).toThrow(/ENOENT/);
  });

  test('is not made where one is, and the refusal says what adds to it', () => {
    newProject(folder, namesOf('greeter'));
    expect(() => newProject(folder, namesOf('visits'))).toThrow(
      /is a project already; weft new service visits adds/,
    );
  });

  test('says what is to be done first where weft is not installed', () => {
    rmSync(join(folder, 'node_modules'), { recursive: true });
    expect(() => newProject(folder, namesOf('greeter'))).toThrow(
      /weft is not installed in .*npm init --yes, then npm install/,
    );
  });

  test('has the files that the guide shows', () => {
    const guide = readFileSync(
      new URL('../../docs/guides/your-own-project.md', import.meta.url),
      'utf8',
    );
    const files = projectFiles(namesOf('greeter'));
    for (const path of ['buf.yaml', 'buf.gen.yaml']) {
      expect(guide).toContain(`# ${path}\n${files[path] ?? ''}\`\`\``);
    }
    expect(guide).toContain(`cat > tsconfig.json <<'END'\n${files['tsconfig.json'] ?? ''}END`);
  });
});

describe('a new service', () => {
  beforeEach(() => {
    newProject(folder, namesOf('greeter'));
  });

  test('stands beside the others at the first free port, and comments of the file stay', () => {
    const before = read('deploy/weft.yaml');
    const commented = before.replace('port: 1', 'port: 1 # the door');
    writeFileSync(join(folder, 'deploy/weft.yaml'), commented);
    newService(folder, namesOf('visits'));
    const after = read('deploy/weft.yaml');
    expect(after).toContain('port: 1 # the door');
    expect(parse(after)).toMatchObject({
      services: { greeter: { port: 1 }, visits: { run: 'src/visits/main.ts', port: 2 } },
    });
    expect(read('test/visits.test.ts')).toContain("test('visits greets by name'");
  });

  test('is refused by a name that is taken, with nothing written', () => {
    const before = read('deploy/weft.yaml');
    expect(() => newService(folder, namesOf('greeter'))).toThrow(/it has a service greeter/);
    mkdirSync(join(folder, 'src', 'visits'));
    writeFileSync(join(folder, 'src', 'visits', 'main.ts'), '');
    expect(() => newService(folder, namesOf('visits'))).toThrow(/src\/visits\/main.ts is there/);
    expect(read('deploy/weft.yaml')).toBe(before);
  });

  test('is refused outside of a project', () => {
    rmSync(join(folder, 'deploy'), { recursive: true });
    expect(() => newService(folder, namesOf('visits'))).toThrow(
      /no project of weft.*weft new <name>/,
    );
  });
});

test.each([
  ['Greeter', /lower-case letters/],
  ['../greeter', /is not a service name/],
  ['2nd', /begins with a letter/],
  ['v2', /reads as the version/],
  ['pick--list', /single hyphens/],
  ['consul', /no service has it/],
])('%s cannot name a service, and the refusal says why', (name, why) => {
  expect(() => namesOf(name)).toThrow(why);
});
