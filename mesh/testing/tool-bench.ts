import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { type FindOptions, type FoundTool, findTool } from '../cli/tools/find.ts';

/** A program that only tells its version, as nats-server does. */
export function program(version: string): Buffer {
  return Buffer.from(`#!/bin/sh\necho "nats-server: v${version}"\n`);
}

/** A release as its publisher packs it: one folder with the program inside. */
export function tarGz(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000755\0', 100);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('0', 156);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return gzipSync(Buffer.concat([header, content, padding, Buffer.alloc(1024)]));
}

/** A zip of one file with its sizes in the central directory only, as streaming writers leave it. */
export function zip(name: string, content: Buffer): Buffer {
  const packed = deflateRawSync(content);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(8, 8);
  local.writeUInt16LE(name.length, 26);
  const directory = Buffer.alloc(46);
  directory.writeUInt32LE(0x02014b50, 0);
  directory.writeUInt16LE(8, 10);
  directory.writeUInt32LE(packed.length, 20);
  directory.writeUInt32LE(content.length, 24);
  directory.writeUInt16LE(name.length, 28);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(directory.length + name.length, 12);
  end.writeUInt32LE(local.length + name.length + packed.length, 16);
  return Buffer.concat([local, Buffer.from(name), packed, directory, Buffer.from(name), end]);
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A machine without nats-server: an empty cache, an empty PATH, no apt, and a release server on loopback. */
export interface Bench {
  readonly cache: string;
  readonly folder: string;
  readonly url: string;
  /** How many downloads were asked for. */
  readonly asked: () => number;
  /** What the release server answers from now on. */
  answer(answer: Answer): void;
  /** Searches for nats-server 2.14.5, pinned to the sum of `archive`. */
  find(archive: Buffer, options?: FindOptions): Promise<FoundTool>;
  close(): Promise<void>;
}

export async function createBench(): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-tools-'));
  const cache = join(folder, '.tools');
  let answer: Answer = (_, response) => response.writeHead(404).end();
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  mkdirSync(join(folder, 'apt'));
  return {
    cache,
    folder,
    url,
    asked: () => asked,
    answer(next) {
      answer = next;
    },
    find(archive, options = {}) {
      const manifest = join(folder, 'tools.json');
      writeFileSync(manifest, JSON.stringify(manifestFor(archive)));
      const env = { PATH: '', WEFT_TOOLS_MIRROR: url };
      const aptFolder = join(folder, 'apt');
      return findTool('nats-server', { cache, manifest, aptFolder, env, ...options });
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function manifestFor(archive: Buffer): unknown {
  const sha256 = createHash('sha256').update(archive).digest('hex');
  const url = 'https://release.invalid/v2.14.5/nats-server-v2.14.5.tar.gz';
  const debian = { suite: 'forky', package: 'nats-server', binary: 'usr/sbin/nats-server' };
  return {
    'nats-server': {
      env: 'WEFT_NATS_SERVER',
      minimum: '2.10.0',
      versionArgument: '--version',
      licence: 'Apache-2.0',
      release: {
        version: '2.14.5',
        files: { [`${process.platform}-${process.arch}`]: { url, sha256 } },
      },
      debian: { ...debian, version: '2.15.1-1', sha256: {} },
    },
  };
}
