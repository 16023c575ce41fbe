import { execFile } from 'node:child_process';

/** How long a program may take to tell its version, in ms. */
const withinMs = 5_000;

/** The first x.y.z in `text`. */
export function versionIn(text: string): string | undefined {
  return /\d+\.\d+\.\d+/.exec(text)?.[0];
}

/** True if version `a` is `b` or newer; both as "x.y.z". */
export function atLeast(a: string, b: string): boolean {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (const [i, number] of right.entries()) {
    const other = left[i] ?? 0;
    if (other !== number) return other > number;
  }
  return true;
}

/**
 * Runs the program for its version: the proof that it works on this machine (right processor, right
 * libc), not only that the file is there. Rejects with the program's own complaint.
 */
export function askVersion(path: string, argument: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(path, [argument], { timeout: withinMs }, (error, stdout, stderr) => {
      // grpcurl prints its version to stderr.
      const version = error ? undefined : versionIn(stdout + stderr);
      if (version !== undefined) resolve(version);
      else reject(new Error(error?.message.trim() ?? `it does not tell its version: ${stdout}`));
    });
  });
}
