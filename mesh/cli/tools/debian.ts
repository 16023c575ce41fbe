import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DebianArchive, debianArchive } from './apt-sources.ts';
import { keep, workFolder } from './cache.ts';
import type { DebianPackage } from './manifest.ts';
import type { Search, Source } from './source.ts';

/** For one apt-get run, in ms. An index has 10 MB; a silent mirror is given up after 5 s by apt itself. */
const aptWithinMs = 90_000;

/**
 * Debian's package, through the machine's own apt sources but with a private configuration: nothing is
 * installed, no root right is needed, and what the machine knows of its packages is not touched. apt
 * verifies the archive's signature and the package's sum; the pinned sum is checked on top while the
 * suite still carries the pinned version. A suite that moves (forky) may bring a newer one, and then
 * apt's signature is the proof.
 */
export const fromDebian: Source = async (search) => {
  const { tool, aptFolder } = search;
  if (tool.debian === undefined) throw new Error(`no Debian suite carries ${tool.name}`);
  const archive = debianArchive(aptFolder);
  const uris = [archive.uri, ...(tool.debian.archive === undefined ? [] : [tool.debian.archive])];
  const causes: string[] = [];
  for (const uri of uris) {
    const work = workFolder(search.cache, tool.name);
    try {
      const deb = await fetchPackage(tool.debian, { ...archive, uri }, { work, search });
      const program = await programOf(tool.debian, deb, { work, search });
      return await keep(search, program, { from: `${uri} ${deb.name}`, source: 'debian' });
    } catch (thrown) {
      search.signal?.throwIfAborted();
      causes.push(`${uri} ${tool.debian.suite}: ${lastLine(thrown)}`);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  throw new Error(causes.join('; '));
};

interface Place {
  readonly work: string;
  readonly search: Search;
}

/** A downloaded package: its file name is "<name>_<version>_<architecture>.deb". */
interface Deb {
  readonly name: string;
  readonly path: string;
}

async function fetchPackage(
  wanted: DebianPackage,
  archive: DebianArchive,
  { work, search }: Place,
): Promise<Deb> {
  for (const folder of ['lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(work, folder), { recursive: true });
  }
  const source = `deb [signed-by=${archive.keyring}] ${archive.uri} ${wanted.suite} main\n`;
  writeFileSync(join(work, 'sources.list'), source);
  writeFileSync(join(work, 'apt.conf'), aptConfiguration(work));
  // -c is read after the machine's own configuration (proxies stay, the paths below win).
  const apt = ['-c', join(work, 'apt.conf')];
  await run('apt-get', [...apt, '-qq', 'update'], { work, search });
  await run('apt-get', [...apt, '-qq', 'download', wanted.package], { work, search });
  const name = readdirSync(work).find((file) => file.endsWith('.deb'));
  if (name === undefined) throw new Error(`apt-get gave no package for ${wanted.package}`);
  return { name, path: join(work, name) };
}

function aptConfiguration(work: string): string {
  return `
Dir::Etc::SourceList "${work}/sources.list";
Dir::Etc::SourceParts "-";
Dir::State::Lists "${work}/lists";
Dir::Cache "${work}/cache";
// Hooks of the machine act on the machine's own package state.
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
// As root apt drops to a user who cannot write here.
APT::Sandbox::User "root";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::Languages "none";
Acquire::Retries "0";
Acquire::http::Timeout "5";
Acquire::https::Timeout "5";
`;
}

async function programOf(wanted: DebianPackage, deb: Deb, place: Place): Promise<Buffer> {
  const [, version = '', architecture = ''] = deb.name.replace(/\.deb$/, '').split('_');
  const pinned = wanted.sha256[architecture];
  if (pinned !== undefined && decodeURIComponent(version) === wanted.version) {
    const actual = createHash('sha256').update(readFileSync(deb.path)).digest('hex');
    if (actual !== pinned) {
      throw new Error(`${deb.name} has sha256 ${actual}, and ${pinned} is pinned`);
    }
  }
  // Where apt-get runs, dpkg-deb is there too: apt depends on dpkg.
  const root = join(place.work, 'root');
  await run('dpkg-deb', ['-x', deb.path, root], place);
  return readFileSync(join(root, wanted.binary));
}

function run(program: string, args: string[], { work, search }: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    const env = { ...search.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
    const options = {
      cwd: work,
      env,
      timeout: aptWithinMs,
      ...(search.signal && { signal: search.signal }),
    };
    execFile(program, args, options, (error, _stdout, stderr) => {
      if (error === null) resolve();
      else if (error.code === 'ENOENT') reject(new Error(`this machine has no ${program}`));
      else reject(new Error(stderr.trim() || error.message));
    });
  });
}

/** apt complains at length; its last line has the verdict, the first the cause. */
function lastLine(thrown: unknown): string {
  const lines = (thrown instanceof Error ? thrown.message : String(thrown)).trim().split('\n');
  const errors = lines.filter((line) => line.startsWith('E:'));
  return (errors[0] ?? lines.at(-1) ?? '').replace(/^E:\s*/, '');
}
