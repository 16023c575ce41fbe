import { join } from 'node:path';
import type { Suite } from '../suite/suite.ts';
import { rows } from './bars.ts';
import { nodeFlags } from './fleet.ts';
import { sections } from './sections.ts';
import { removeSockets } from './sockets.ts';
import { unaryTables } from './tables.ts';

export const suite: Suite = {
  name: 'bench',
  command: 'make bench',
  sections,
  rows,
  worker: join(import.meta.dirname, 'worker.ts'),
  nodeFlags: nodeFlags(256),
  tables: unaryTables,
  sweep: ({ pid }) => removeSockets(pid),
};
