import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, MeshError } from '../../kernel/error.ts';
import type { Source } from './source.ts';
import { askVersion, atLeast } from './version.ts';

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * The binary that the user names. Whatever is wrong with it ends the search: who sets the variable wants
 * this one and not another in its place.
 */
export const fromEnvironment: Source = async ({ tool, env }) => {
  const path = env[tool.env];
  if (path === undefined || path === '') throw new Error(`${tool.env} is not set`);
  const refuse = (why: string): MeshError =>
    new MeshError(`${tool.env}=${path} ${why}: mend it, or unset it to let weft look elsewhere`, {
      status: 'FAILED_PRECONDITION',
      reason: 'TOOL_UNUSABLE',
    });
  if (!isProgram(path)) throw refuse('is not an executable file');
  const version = await askVersion(path, tool.versionArgument).catch((thrown: unknown) => {
    throw refuse(`does not run (${describe(thrown)})`);
  });
  if (!atLeast(version, tool.minimum)) {
    throw refuse(`is ${tool.name} ${version}, and weft needs ${tool.minimum} or newer`);
  }
  return { path, version, source: 'env' };
};

/** The first on PATH that is new enough; an older one is passed over with a note. */
export const fromPath: Source = async ({ tool, env, onNote }) => {
  const passedOver: string[] = [];
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, tool.name);
    if (folder === '' || !isProgram(path)) continue;
    try {
      const version = await askVersion(path, tool.versionArgument);
      if (atLeast(version, tool.minimum)) return { path, version, source: 'path' };
      passedOver.push(`${path} is ${version}, and weft needs ${tool.minimum} or newer`);
    } catch (thrown) {
      passedOver.push(`${path} does not run (${describe(thrown)})`);
    }
  }
  for (const why of passedOver) onNote(`${tool.name}: passed over, ${why}`);
  throw new Error(passedOver.length > 0 ? passedOver.join('; ') : `no ${tool.name} on PATH`);
};
