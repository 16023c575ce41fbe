import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The keys that sign Debian's archive; part of every Debian. */
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The machine's way to Debian's archive. */
export interface DebianArchive {
  /** The URI as the machine's own sources name it, so that a local mirror or proxy is used. */
  readonly uri: string;
  readonly keyring: string;
}

/** "…/debian" itself, not debian-security or debian-ports; cloud images name a file of mirrors instead. */
const main = /(?:^|\/)debian(?:\.list)?\/?$/;

/** Debian's main archive as the files under `aptFolder` (/etc/apt) name it. */
export function debianArchive(aptFolder: string): DebianArchive {
  if (!existsSync(keyring)) throw new Error(`${keyring} is missing: this is no Debian machine`);
  const uri = texts(aptFolder)
    .flatMap(urisIn)
    .find((each) => main.test(each));
  if (uri === undefined) throw new Error(`no source in ${aptFolder} names Debian's archive`);
  return { uri: uri.replace(/\/+$/, ''), keyring };
}

function texts(aptFolder: string): string[] {
  const parts = join(aptFolder, 'sources.list.d');
  const names = existsSync(parts) ? readdirSync(parts).sort() : [];
  return [
    join(aptFolder, 'sources.list'),
    ...names.filter((name) => /\.(list|sources)$/.test(name)).map((name) => join(parts, name)),
  ]
    .filter((path) => existsSync(path))
    .map((path) => readFileSync(path, 'utf8'));
}

/** Both formats of sources.list(5): one line each, and deb822 stanzas. */
function urisIn(text: string): string[] {
  const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('#'));
  const oneLine = lines.flatMap((line) => /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)/.exec(line)?.[1] ?? []);
  const stanzas = lines
    .join('\n')
    .split(/\n\s*\n/)
    .filter((stanza) => !/^Enabled:\s*no/im.test(stanza))
    .flatMap((stanza) => /^URIs:\s*(.+)$/im.exec(stanza)?.[1]?.trim().split(/\s+/) ?? []);
  return [...oneLine, ...stanzas];
}
