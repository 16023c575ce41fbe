import { readFileSync, writeFileSync } from 'node:fs';
import { complete, type Lockfile } from './checks/lockfile.ts';

/** The second half of `make lock`, after npm: what its registry did not have. */
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lockfile;
writeFileSync('package-lock.json', `${JSON.stringify(complete(lock), null, 2)}\n`);
