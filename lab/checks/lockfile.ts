import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Check, fails, holds } from './check.ts';

/** The part of package-lock.json (lockfileVersion 3) that is read and mended here. */
export interface Lockfile {
  packages: Record<string, Locked>;
}

interface Locked {
  readonly version?: string;
  readonly optional?: boolean;
  readonly dev?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * Holds when package-lock.json knows the packages of every platform. npm silently leaves out an optional
 * package that its registry does not serve, as mirrors of one platform do; `npm ci` then refuses the whole
 * lockfile, on every machine.
 */
export const lockfile: Check = {
  name: 'lockfile',
  async run(root) {
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lockfile;
    const names = missing(lock).map(({ name, version }) => `${name}@${version} is missing`);
    return names.length === 0 ? holds() : fails(`${names.join('\n')}\nrun: make lock`);
  },
};

/**
 * Adds what npm left out: the version its parent asks for, and the platform that its name tells. Without an
 * integrity, which only a registry that has the package could give.
 */
export function complete(lock: Lockfile): Lockfile {
  const added = missing(lock).map(({ name, version, dev }) => [
    `node_modules/${name}`,
    { version, ...platformOf(name), ...(dev && { dev }), optional: true },
  ]);
  const all = [...Object.entries(lock.packages), ...(added as [string, Locked][])];
  return {
    ...lock,
    packages: Object.fromEntries(all.sort(([a], [b]) => a.localeCompare(b, 'en'))),
  };
}

function missing({ packages }: Lockfile): { name: string; version: string; dev: boolean }[] {
  return Object.entries(packages).flatMap(([parent, { optionalDependencies = {}, dev = false }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !(`${parent}/node_modules/${name}` in packages))
      .filter(([name]) => !(`node_modules/${name}` in packages))
      .map(([name, version]) => ({ name, version, dev })),
  );
}

const platform =
  /-(?<os>android|darwin|freebsd|linux|openharmony|win32)-(?<cpu>[a-z]+\d*x?)(?:-(?<abi>[a-z]+))?$/;

function platformOf(name: string): Pick<Locked, 'os' | 'cpu' | 'libc'> {
  const { os, cpu, abi = '' } = platform.exec(name)?.groups ?? {};
  if (os === undefined || cpu === undefined) return {};
  const libc = /^(gnu|musl)/.exec(abi)?.[1];
  return {
    os: [os],
    cpu: [cpu.replace('armv7', 'arm')],
    ...(libc !== undefined && os === 'linux' && { libc: [libc === 'gnu' ? 'glibc' : libc] }),
  };
}
