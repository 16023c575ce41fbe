import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Answer, type Bench, createBench, program, tarGz } from '../../testing/tool-bench.ts';

const release = tarGz('nats-server-v2.14.5/nats-server', program('2.14.5'));
const serve =
  (body: Buffer): Answer =>
  (_, response) => {
    response.end(body);
  };

let bench: Bench;
beforeEach(async () => {
  bench = await createBench();
});
afterEach(() => bench.close());

/** True where the machine has a nats-server of its own, which would be found first. */
function hasNats(path: string): boolean {
  return path.split(':').some((folder) => existsSync(join(folder, 'nats-server')));
}

/** Puts a program that tells `version` into a folder of its own. */
function install(folder: string, version: string): string {
  mkdirSync(join(bench.folder, folder), { recursive: true });
  const path = join(bench.folder, folder, 'nats-server');
  writeFileSync(path, program(version));
  chmodSync(path, 0o755);
  return path;
}

describe('what is on the machine', () => {
  test('the environment names the program, before anything else', async () => {
    const path = install('mine', '2.11.0');
    const env = { WEFT_NATS_SERVER: path, PATH: join(bench.folder, 'bin') };
    install('bin', '2.14.0');
    expect(await bench.find(release, { env })).toEqual({ path, version: '2.11.0', source: 'env' });
  });

  test('a wrong path in the environment ends the search: no other program takes its place', async () => {
    install('bin', '2.14.0');
    const env = { WEFT_NATS_SERVER: '/nowhere/nats-server', PATH: join(bench.folder, 'bin') };
    await expect(bench.find(release, { env })).rejects.toThrow(
      /WEFT_NATS_SERVER=\/nowhere\/nats-server is not an executable file/,
    );
  });

  test('an old program in the environment is refused by version', async () => {
    const env = { WEFT_NATS_SERVER: install('mine', '2.9.10') };
    await expect(bench.find(release, { env })).rejects.toThrow(/2\.9\.10.*2\.10\.0 or newer/);
  });

  test('on PATH an older program is passed over with a note, a newer one behind it is taken', async () => {
    const old = install('old', '2.9.10');
    const path = install('new', '2.12.0');
    const notes: string[] = [];
    const env = { PATH: [join(bench.folder, 'old'), join(bench.folder, 'new')].join(':') };
    const found = await bench.find(release, { env, onNote: (note) => notes.push(note) });
    expect(found).toEqual({ path, version: '2.12.0', source: 'path' });
    expect(notes).toEqual([]);

    bench.answer(serve(release));
    const onlyOld = { PATH: `${join(bench.folder, 'old')}:/bin`, WEFT_TOOLS_MIRROR: bench.url };
    const fetched = await bench.find(release, { env: onlyOld, onNote: (n) => notes.push(n) });
    expect(fetched.source).toBe('release');
    expect(notes).toEqual([
      `nats-server: passed over, ${old} is 2.9.10, and weft needs 2.10.0 or newer`,
    ]);
  });
});

describe('the release', () => {
  test('is fetched once, verified, and served from the cache afterwards', async () => {
    bench.answer(serve(release));
    const path = join(bench.cache, 'nats-server-2.14.5', 'nats-server');
    expect(await bench.find(release)).toEqual({ path, version: '2.14.5', source: 'release' });
    expect(await bench.find(release)).toEqual({ path, version: '2.14.5', source: 'cache' });
    expect(bench.asked()).toBe(1);
    expect(readdirSync(bench.cache)).toEqual(['nats-server-2.14.5']);
  });

  test('is announced before it is fetched, and only then', async () => {
    bench.answer(serve(release));
    const told: string[] = [];
    const onFetch = (what: string): number => told.push(what);
    await bench.find(release, { onFetch });
    expect(told).toEqual(['nats-server is not on this machine: fetching it, once']);
    await bench.find(release, { onFetch });
    expect(told).toHaveLength(1);
  });

  test('is fetched once by ten who ask at the same time', async () => {
    bench.answer(serve(release));
    const found = await Promise.all(Array.from({ length: 10 }, () => bench.find(release)));
    expect(new Set(found.map(({ path }) => path)).size).toBe(1);
    expect(bench.asked()).toBe(1);
  });

  test('with a wrong checksum is refused and leaves nothing to run', async () => {
    bench.answer(serve(tarGz('nats-server', program('6.6.6'))));
    await expect(bench.find(release)).rejects.toThrow(/wrong checksum: sha256 [0-9a-f]{64}/);
    expect(readdirSync(bench.cache)).toEqual([]);
  });

  test('cut short by the server is refused', async () => {
    bench.answer(serve(release.subarray(0, release.length - 20)));
    await expect(bench.find(release)).rejects.toThrow(/wrong checksum/);
    bench.answer((_, response) => {
      response.writeHead(200, { 'content-length': String(release.length) });
      response.write(release.subarray(0, 20), () => response.destroy());
    });
    await expect(bench.find(release)).rejects.toThrow(/nats-server-v2\.14\.5\.tar\.gz: /);
    expect(readdirSync(bench.cache)).toEqual([]);
  });

  test('of a server that stalls or never answers is given up', async () => {
    const limits = { firstByteMs: 100, stallMs: 100 };
    bench.answer(() => undefined);
    await expect(bench.find(release, { limits })).rejects.toThrow(/no answer within 100 ms/);
    bench.answer((_, response) => {
      response.write(release.subarray(0, 20));
    });
    await expect(bench.find(release, { limits })).rejects.toThrow(/stalled for 100 ms/);
  });

  test('that grows without end is cut off', async () => {
    bench.answer((_, response) => response.end(Buffer.alloc(10_000)));
    await expect(bench.find(release, { limits: { maxBytes: 5_000 } })).rejects.toThrow(
      /more than 5000 bytes/,
    );
  });

  test('that does not run here is not kept', async () => {
    const broken = tarGz('nats-server', Buffer.from('\x7fELF, but of another machine'));
    bench.answer(serve(broken));
    await expect(bench.find(broken)).rejects.toThrow(/release .*nats-server/);
    expect(readdirSync(bench.cache)).toEqual([]);
  });

  test('is given up when the caller gives up', async () => {
    bench.answer(() => undefined);
    const caller = new AbortController();
    const search = bench.find(release, { signal: caller.signal });
    caller.abort(new Error('enough'));
    await expect(search).rejects.toThrow(/enough/);
  });
});

describe('the cache', () => {
  test('throws away a program that was cut short or changed, with a note, and fetches it anew', async () => {
    bench.answer(serve(release));
    const { path } = await bench.find(release);
    truncateSync(path, 10);
    const notes: string[] = [];
    const again = await bench.find(release, { onNote: (note) => notes.push(note) });
    expect(again).toEqual({ path, version: '2.14.5', source: 'release' });
    expect(notes).toEqual([`nats-server: ${path} is not what was put there, and is thrown away`]);
  });

  test('takes over the lock of a process that died', async () => {
    bench.answer(serve(release));
    mkdirSync(bench.cache, { recursive: true });
    // The highest pid that Linux can be told to give (PID_MAX_LIMIT, proc(5)) and never does here.
    writeFileSync(join(bench.cache, '.nats-server.lock'), '4194304');
    expect((await bench.find(release)).source).toBe('release');
    expect(existsSync(join(bench.cache, '.nats-server.lock'))).toBe(false);
  });
});

test('an archive of Debian that nobody signed is refused', async () => {
  const archive = join(bench.folder, 'debian');
  mkdirSync(join(archive, 'dists/forky/main/binary-amd64'), { recursive: true });
  writeFileSync(join(archive, 'dists/forky/Release'), 'Suite: forky\nComponents: main\n');
  writeFileSync(join(archive, 'dists/forky/main/binary-amd64/Packages'), '');
  writeFileSync(join(bench.folder, 'apt/sources.list'), `deb file:${archive} forky main\n`);
  const env = { PATH: process.env['PATH'] ?? '', WEFT_TOOLS_MIRROR: bench.url };
  const elsewhere = { PATH: '/nowhere', WEFT_TOOLS_MIRROR: bench.url };
  // With the programs of a Debian machine on PATH apt itself says no; without, there is no apt.
  await expect(bench.find(release, { env: hasNats(env.PATH) ? elsewhere : env })).rejects.toThrow(
    /debian +.*(is not signed|no apt-get|no Debian machine)/,
  );
});

test('when nothing works one error says what was tried, each why, and how to install by hand', async () => {
  const env = { PATH: '/nowhere', WEFT_TOOLS_MIRROR: 'http://127.0.0.1:1' };
  const failure = bench.find(release, { env });
  await expect(failure).rejects.toMatchObject({ status: 'NOT_FOUND', reason: 'TOOL_NOT_FOUND' });
  const text = await failure.catch((thrown: unknown) => (thrown as Error).message);
  expect(text).toMatch(/env +WEFT_NATS_SERVER is not set/);
  expect(text).toMatch(/path +no nats-server on PATH/);
  expect(text).toMatch(/cache +nothing usable in/);
  expect(text).toMatch(/release http:\/\/127\.0\.0\.1:1\/nats-server-v2\.14\.5\.tar\.gz: /);
  expect(text).toMatch(/debian +\S/);
  expect(text).toMatch(
    /By hand: download https:\/\/release\.invalid\S+\n +\(sha256 [0-9a-f]{64}\)/,
  );
  expect(text).toMatch(/set WEFT_NATS_SERVER to its path/);
});
