/**
 * A server process of the bench: serves what its first argument names, tells its parent where, and then
 * answers questions about itself. It ends with its parent, however that ends.
 */
import { readFileSync } from 'node:fs';
import { collectYoung } from '../suite/garbage.ts';
import type { Address } from './contender.ts';
import { type Kind, serverOf } from './kinds.ts';
import { createWork, type Work } from './work.ts';

/** What a parent may ask, answered under the same number. */
export type Question = { readonly id: number } & (
  | { readonly ask: 'usage' }
  /** Collects young garbage now, so that it is not collected while somebody measures. */
  | { readonly ask: 'collect' }
  /** The n-th server of this process takes `ms` longer from now on. */
  | { readonly ask: 'slow'; readonly server: number; readonly ms: number }
);

/** What a server process has used so far. */
export interface Usage {
  readonly cpuUs: number;
  /** Write calls to the kernel; nearly all of them carry answers. */
  readonly writes: number;
}

/** What a process is to serve: `copies` servers of each kind. */
export interface Serving {
  readonly kinds: readonly Kind[];
  readonly copies: number;
  readonly index: number;
}

/** Told once, when all listen: the addresses of each kind. */
export type Served = Readonly<Record<string, readonly Address[]>>;

const { kinds, copies, index } = JSON.parse(process.argv[2] ?? '') as Serving;
const works: Work[] = [];
const served: Record<string, Address[]> = {};
for (const kind of kinds) {
  const side = await serverOf(kind);
  for (let copy = 0; copy < copies; copy++) {
    const work = createWork(1000 * index + copy);
    works.push(work);
    const { host, port, metadata } = await side.serve(work, `${kind}-${index}-${copy}`);
    (served[kind] ??= []).push({ host, port, metadata });
  }
}

process.on('message', (question: Question) => {
  if (question.ask === 'collect') void collectYoung();
  if (question.ask === 'slow') works[question.server]?.slowDown(question.ms);
  process.send?.({ id: question.id, usage: usage() });
});
process.on('disconnect', () => process.exit());
// Ctrl-C reaches the whole process group; the parent says when it is over.
process.on('SIGINT', () => undefined);
process.send?.({ served });

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  const writes = /syscw: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1];
  return { cpuUs: user + system, writes: Number(writes ?? Number.NaN) };
}
