import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Block, Side, Traffic } from './block.ts';
import { must, shed, unpack } from './debian.ts';

/** Debian 12's Go 1.19 and grpc-go 1.33, with all that they are built from. */
const packages = [
  'golang-1.19-go',
  'golang-1.19-src',
  'golang-google-grpc-dev',
  'golang-google-protobuf-dev',
  'golang-google-genproto-dev',
  'golang-github-golang-protobuf-1-5-dev',
  'golang-golang-x-net-dev',
  'golang-golang-x-sys-dev',
  'golang-golang-x-text-dev',
  'protoc-gen-go-1-5',
];
const source = join(import.meta.dirname, 'go/main.go');
const checkout = join(import.meta.dirname, '../..');

/** Builds the grpc-go pair; gives the path of the program. Takes half a minute the first time. */
async function buildGo(): Promise<string> {
  const root = await unpack('go', packages);
  const home = join(shed, 'go-build');
  const program = join(home, 'bench');
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return program;
  mkdirSync(home, { recursive: true });
  const template = join(home, 'buf.gen.yaml');
  const plugin = { local: join(root, 'usr/bin/protoc-gen-go'), out: join(home, 'src') };
  const plugins = [{ ...plugin, strategy: 'all', opt: ['plugins=grpc'] }];
  writeFileSync(template, JSON.stringify({ version: 'v2', plugins }));
  await must(checkout, ['buf', 'generate', 'lab/bench/proto', '--template', template]);
  const goroot = join(root, 'usr/lib/go-1.19');
  await must(checkout, [join(goroot, 'bin/go'), 'build', '-o', program, source], {
    GOROOT: goroot,
    GOPATH: `${home}:${join(root, 'usr/share/gocode')}`,
    GOCACHE: join(home, 'cache'),
    GO111MODULE: 'off',
    CGO_ENABLED: '0',
  });
  return program;
}

/** A process of the pair: told what to do by lines, answers with lines of JSON, ends when its input does. */
interface Pair {
  readonly child: ChildProcess;
  readonly hello: { readonly version: string; readonly port: number };
  ask<T>(line: string): Promise<T>;
}

async function startGo(program: string, args: readonly string[]): Promise<Pair> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async <T>(): Promise<T> => {
    const { done, value } = await lines.next();
    if (done === true) throw new Error('the grpc-go process has ended');
    return JSON.parse(value) as T;
  };
  return {
    child,
    hello: await answer(),
    ask(line) {
      child.stdin.write(`${line}\n`);
      return answer();
    },
  };
}

/** A grpc-go client and its three servers, as one side of the bench; unary echo only. */
export async function goSide(): Promise<Side & { readonly version: string }> {
  const program = await buildGo();
  const servers = await Promise.all(
    ['a', 'b', 'c'].map((name) => startGo(program, ['server', name])),
  );
  const addresses = servers.map(({ hello }) => `127.0.0.1:${hello.port}`).join(',');
  const client = await startGo(program, ['client', addresses]);
  async function used(): Promise<{ cpuUs: number; writes: number }> {
    const all = await Promise.all(
      servers.map((server) => server.ask<{ cpuUs: number; writes: number }>('usage')),
    );
    return {
      cpuUs: all.reduce((sum, { cpuUs }) => sum + cpuUs, 0),
      writes: all.reduce((sum, { writes }) => sum + writes, 0),
    };
  }
  return {
    name: 'grpc-go',
    version: client.hello.version,
    async block(traffic: Traffic, ms) {
      await client.ask(`${traffic.callers} 50`);
      const before = await used();
      const block = await client.ask<Block & { readonly calls: number }>(
        `${traffic.callers} ${ms}`,
      );
      const after = await used();
      return {
        ...block,
        serverUs: (after.cpuUs - before.cpuUs) / block.calls,
        answersPerWrite: block.calls / (after.writes - before.writes),
      };
    },
    async close() {
      for (const { child } of [client, ...servers]) child.stdin?.end();
    },
  };
}
