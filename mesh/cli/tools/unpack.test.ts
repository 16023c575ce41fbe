import { describe, expect, test } from '@jest/globals';
import { tarGz, zip } from '../../testing/tool-bench.ts';
import { readTool, toolNames } from './manifest.ts';
import { unpack } from './unpack.ts';
import { atLeast, versionIn } from './version.ts';

const content = Buffer.from('#!/bin/sh\nexit 0\n'.repeat(100));

describe('unpack', () => {
  test('gives the named file of a tar.gz, whatever folder it lies in', () => {
    expect(unpack(tarGz('grpcurl', content), 'tar.gz', 'grpcurl')).toEqual(content);
    expect(unpack(tarGz('a-v1/grpcurl', content), 'tar.gz', 'grpcurl')).toEqual(content);
  });

  test('gives the named file of a zip', () => {
    expect(unpack(zip('consul', content), 'zip', 'consul')).toEqual(content);
  });

  test('says what is missing from an archive', () => {
    expect(() => unpack(zip('LICENSE', content), 'zip', 'consul')).toThrow(/no file named consul/);
    expect(() => unpack(tarGz('LICENSE', content), 'tar.gz', 'x')).toThrow(/no file named x/);
    expect(() => unpack(Buffer.from('<html>'), 'zip', 'consul')).toThrow(/not a zip/);
  });
});

describe('versions', () => {
  test('are found in what the programs print', () => {
    expect(versionIn('Consul v1.8.7\nProtocol 2 spoken by default')).toBe('1.8.7');
    expect(versionIn('nats-server: v2.15.1')).toBe('2.15.1');
    expect(versionIn('grpcurl v1.9.3')).toBe('1.9.3');
    expect(versionIn('no such option')).toBeUndefined();
  });

  test('compare by number, not by letter', () => {
    expect(atLeast('2.10.0', '2.9.10')).toBe(true);
    expect(atLeast('2.9.10', '2.10.0')).toBe(false);
    expect(atLeast('2.10.0', '2.10.0')).toBe(true);
  });
});

describe('deploy/tools.json', () => {
  test.each(toolNames)('pins %s for every platform, by a sum of its own', (name) => {
    const { files } = readTool(name).release;
    expect(Object.keys(files).sort()).toEqual([
      'darwin-arm64',
      'darwin-x64',
      'linux-arm64',
      'linux-x64',
    ]);
    expect(new Set(Object.values(files).map(({ sha256 }) => sha256)).size).toBe(4);
  });
});
