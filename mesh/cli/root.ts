import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The nearest folder at or above `from` that holds one of `marks`. */
function above(from: string, marks: readonly string[]): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (marks.some((mark) => existsSync(join(folder, mark)))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}

/**
 * The checkout that `cwd` lies in: all state (.run/) and all binaries (.tools/) live there, so that two
 * checkouts on one machine share nothing. A folder without any mark is its own checkout.
 */
export function checkoutOf(cwd: string = process.cwd()): string {
  return above(cwd, ['deploy/weft.yaml', '.git']) ?? above(cwd, ['package.json']) ?? cwd;
}

/**
 * A file that ships with weft, by its path from the package's root. The sources are three folders deep
 * when run unbuilt and one more in dist/, hence the search.
 */
export function shippedFile(path: string): string {
  const folder = above(dirname(fileURLToPath(import.meta.url)), [path]);
  if (folder === undefined) throw new Error(`${path} is missing from this installation of weft`);
  return join(folder, path);
}
