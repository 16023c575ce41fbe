import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { breaking, chooseBase } from './breaking.ts';
import { createScratch, type Scratch } from './scratch.ts';

const moduleFile = `version: v2
modules:
  - path: proto
breaking:
  use: [FILE]
`;

const contract = `syntax = "proto3";
package greet.v1;

service GreetService {
  rpc Greet(GreetRequest) returns (GreetResponse);
  rpc Leave(LeaveRequest) returns (LeaveResponse);
}

message GreetRequest {
  string name = 1;
  string tongue = 2;
}
message GreetResponse {}
message LeaveRequest {}
message LeaveResponse {}
`;
const withoutField = contract.replace('  string tongue = 2;\n', '');
const withoutRpc = contract.replace(/ {2}rpc Leave.*\n/, '');
const widened = contract.replace(
  'message GreetResponse {}',
  'message GreetResponse { string text = 1; }',
);

const file = 'proto/greet/v1/greet.proto';
const initial = { 'buf.yaml': moduleFile, [file]: contract };

let repository: Scratch;
const clones: Scratch[] = [];

beforeEach(async () => {
  repository = createScratch();
  await repository.git('init', '--quiet', '--initial-branch=main');
});

afterEach(() => {
  for (const scratch of [repository, ...clones.splice(0)]) scratch.close();
});

async function commit(text: string, message = 'change'): Promise<void> {
  repository.write({ ...initial, [file]: text });
  await repository.commit(message);
}

/** A clone with one commit, as a CI machine makes it; over file:// because a path is never shallow. */
async function cloneShallow(): Promise<Scratch> {
  const clone = createScratch();
  clones.push(clone);
  await clone.git('clone', '--quiet', '--depth=1', `file://${repository.root}`, '.');
  return clone;
}

describe('against the parent', () => {
  test('a deleted field is red and named', async () => {
    await commit(contract);
    await commit(withoutField);
    const { ok, report } = await breaking.run(repository.root);
    expect(ok).toBe(false);
    expect(report).toContain('"tongue"');
    expect(report).toContain('against the parent');
  });

  test('a deleted RPC is red and named', async () => {
    await commit(contract);
    await commit(withoutRpc);
    const { ok, report } = await breaking.run(repository.root);
    expect(ok).toBe(false);
    expect(report).toContain('"Leave"');
  });

  test('a deleted file is red', async () => {
    await commit(contract);
    repository.write({
      [file]: null,
      'proto/other/v1/other.proto': 'syntax = "proto3";\npackage other.v1;\n',
    });
    await repository.commit('another contract');
    const { ok, report } = await breaking.run(repository.root);
    expect(ok).toBe(false);
    expect(report).toContain('"greet/v1/greet.proto"');
  });

  test('what is not committed yet counts', async () => {
    await commit(contract);
    await commit(widened);
    repository.write({ [file]: withoutRpc });
    expect(await breaking.run(repository.root)).toMatchObject({ ok: false });
  });

  test('an added field is green', async () => {
    await commit(contract);
    await commit(widened);
    expect(await breaking.run(repository.root)).toMatchObject({ ok: true });
  });

  test('a detached head without a local main is compared all the same', async () => {
    await commit(contract);
    await commit(withoutField);
    await repository.git('checkout', '--quiet', '--detach');
    await repository.git('branch', '--quiet', '-D', 'main');
    expect(await breaking.run(repository.root)).toMatchObject({ ok: false });
  });

  test('a module that the parent did not have yet does not get in the way', async () => {
    await commit(contract);
    repository.write({
      'buf.yaml': moduleFile.replace(
        '  - path: proto\n',
        '  - path: proto\n  - path: third_party\n',
      ),
      'third_party/far/v1/far.proto': 'syntax = "proto3";\npackage far.v1;\n',
    });
    await repository.commit('a second module');
    const { ok, report } = await breaking.run(repository.root);
    expect(ok).toBe(true);
    expect(report).toMatch(/^against the parent [0-9a-f]{12}$/);
  });
});

describe('against the newest release', () => {
  test('a release is preferred to the parent', async () => {
    await commit(contract);
    await repository.git('tag', 'v0.1.0');
    await commit(withoutField);
    await commit(withoutField, 'and another');
    const { ok, report } = await breaking.run(repository.root);
    expect(ok).toBe(false);
    expect(report).toContain('the release v0.1.0');
  });

  test('releases are ordered as versions, a candidate before its release', async () => {
    await commit(contract);
    for (const tag of ['v0.9.0', 'v0.10.0', 'v0.10.0-rc.1', 'vague'])
      await repository.git('tag', tag);
    await commit(widened);
    expect(await chooseBase(repository.root)).toMatchObject({ why: 'the release v0.10.0' });
  });

  test('a release of another line does not count', async () => {
    await commit(contract);
    await repository.git('checkout', '--quiet', '-b', 'next');
    await commit(widened);
    await repository.git('tag', 'v2.0.0');
    await repository.git('checkout', '--quiet', 'main');
    await commit(contract, 'a fix of the old line');
    expect((await chooseBase(repository.root)).why).toMatch(/^the parent /);
  });
});

describe('against nothing', () => {
  test('before the first commit', async () => {
    repository.write(initial);
    expect(await breaking.run(repository.root)).toEqual({
      ok: true,
      report: 'against nothing: there is no commit yet',
    });
  });

  test('on the first commit', async () => {
    await commit(contract);
    expect(await breaking.run(repository.root)).toEqual({
      ok: true,
      report: 'against nothing: this is the first commit',
    });
  });

  test('when the base had no proto/', async () => {
    repository.write({ 'README.md': 'soon' });
    await repository.commit('a promise');
    await commit(contract);
    const { ok, report } = await breaking.run(repository.root);
    expect(ok).toBe(true);
    expect(report).toContain('no proto/ in it');
  });
});

describe('in a shallow clone', () => {
  test('the parent is asked of the origin', async () => {
    await commit(contract);
    await commit(withoutField);
    const clone = await cloneShallow();
    const { ok, report } = await breaking.run(clone.root);
    expect(ok).toBe(false);
    expect(report).toContain('against the parent');
  });

  test('without an origin it says that it compares with nothing', async () => {
    await commit(contract);
    await commit(withoutField);
    const clone = await cloneShallow();
    await clone.git('remote', 'remove', 'origin');
    const { ok, report } = await breaking.run(clone.root);
    expect(ok).toBe(true);
    expect(report).toContain('this shallow clone lacks the parent');
  });

  test('of the first commit it compares with nothing', async () => {
    await commit(contract);
    const clone = await cloneShallow();
    expect(await breaking.run(clone.root)).toMatchObject({ ok: true });
  });
});
