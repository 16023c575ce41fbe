import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { debianArchive } from './apt-sources.ts';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-apt-'));
  mkdirSync(join(folder, 'sources.list.d'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

if (existsSync(keyring)) {
  describe("the machine's way to Debian's archive", () => {
    test('is read from a one-line sources.list, options and comments aside', () => {
      write(
        'sources.list',
        '# deb http://old/debian x main\ndeb [arch=amd64] http://mirror.local/debian/ stable main\n',
      );
      expect(debianArchive(folder).uri).toBe('http://mirror.local/debian');
    });

    test('is read from deb822 stanzas, the disabled and the security archive aside', () => {
      write(
        'sources.list.d/debian.sources',
        [
          'Types: deb\nURIs: http://s.local/debian-security\nSuites: x',
          'Enabled: no\nURIs: http://off.local/debian\nSuites: x',
          'Types: deb\nURIs: http://one.local/debian http://two.local/debian\nSuites: x',
        ].join('\n\n'),
      );
      expect(debianArchive(folder).uri).toBe('http://one.local/debian');
    });

    test('may be a list of mirrors, as cloud images have it', () => {
      const uri = 'mirror+file:///etc/apt/mirrors/debian.list';
      write('sources.list.d/debian.sources', `Types: deb\nURIs: ${uri}\nSuites: x\n`);
      expect(debianArchive(folder).uri).toBe(uri);
    });

    test('is missing where no source names it', () => {
      write('sources.list', 'deb http://archive.ubuntu.example/ubuntu noble main\n');
      expect(() => debianArchive(folder)).toThrow(/no source in .* names Debian's archive/);
    });
  });
} else {
  test('a machine without the keys of Debian says so', () => {
    expect(() => debianArchive(folder)).toThrow(/no Debian machine/);
  });
}
