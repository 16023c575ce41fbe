import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, expect, test } from '@jest/globals';
import { checkpointsOf, commitsOf } from './commits.ts';

const folder = mkdtempSync(join(tmpdir(), 'weft-commits-'));
const path = join(folder, 'some.db');
const db = new DatabaseSync(path);

afterAll(() => {
  db.close();
  rmSync(folder, { recursive: true, force: true });
});

test('commits are counted past the database, and rollbacks and reads are not', () => {
  db.exec('pragma journal_mode = wal; create table counters (n integer)');
  const [commits, checkpoints] = [commitsOf(path), checkpointsOf(path)];
  for (let n = 0; n < 3; n++) db.exec('begin; insert into counters values (1); commit');
  db.exec('begin; insert into counters values (2); rollback; select * from counters');
  expect(commitsOf(path) - commits).toBe(3);
  db.exec('pragma wal_checkpoint(restart); insert into counters values (3)');
  expect(commitsOf(path) - commits).toBe(4);
  expect(checkpointsOf(path) - checkpoints).toBe(1);
});
