import { join } from 'node:path';
import type { Suite } from '../suite/suite.ts';
import { rows } from './bars.ts';
import { sections } from './sections.ts';
import { contestTables } from './tables.ts';

export const suite: Suite = {
  name: 'bench-events',
  command: 'make bench-events',
  sections,
  rows,
  worker: join(import.meta.dirname, 'worker.ts'),
  nodeFlags: ['--expose-gc', '--disable-warning=ExperimentalWarning'],
  tables: contestTables,
};
