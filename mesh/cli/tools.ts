import { Command } from 'commander';
import { describe, MeshError } from '../kernel/error.ts';
import { outputOption } from './ps.ts';
import { table } from './table.ts';
import { findTool } from './tools/find.ts';
import { readTool, type ToolName, toolNames } from './tools/manifest.ts';
import type { SourceName } from './tools/source.ts';

/** One line of `weft tools`. */
interface ToolView {
  readonly name: ToolName;
  readonly version: string;
  readonly source: SourceName | 'missing';
  readonly path: string;
  /** Why it is missing. */
  readonly error?: string;
}

export function toolsCommand(): Command {
  return new Command('tools')
    .description('find, or fetch and verify, the programs that weft runs, and say where they are')
    .addOption(outputOption())
    .action(async ({ output }: { output: string }) => {
      const views = await Promise.all(toolNames.map(view));
      const rows = views.map(({ name, version, source, path }) => [name, version, source, path]);
      if (output === 'json') console.log(JSON.stringify(views, null, 2));
      else console.log(table(['TOOL', 'VERSION', 'SOURCE', 'PATH'], rows));
      judge(views);
    });
}

async function view(name: ToolName): Promise<ToolView> {
  try {
    return { name, ...(await findTool(name, { onNote: console.error, onFetch: console.error })) };
  } catch (thrown) {
    const error = thrown instanceof MeshError ? thrown.rawMessage : describe(thrown);
    return { name, version: '-', source: 'missing', path: '-', error };
  }
}

/** A missing program that weft can do without is a note; any other is an error. */
function judge(views: readonly ToolView[]): void {
  const missing = views.filter(({ error }) => error !== undefined);
  const needed = missing.filter(({ name }) => !readTool(name).optional);
  for (const { error } of missing.filter((each) => !needed.includes(each))) {
    console.error(`\nNot needed, only handy: ${error ?? ''}`);
  }
  if (needed.length === 0) return;
  throw new MeshError(needed.map(({ error }) => error ?? '').join('\n\n'), {
    status: 'NOT_FOUND',
    reason: 'TOOL_NOT_FOUND',
  });
}
