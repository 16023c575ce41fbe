import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { MeshError } from '../../kernel/error.ts';
import { shippedFile } from '../root.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a sha256 is 64 lower-case hexadecimal digits');
const version = z.string().regex(/^\d+\.\d+\.\d+$/);

const debianPackage = z.strictObject({
  /** The suite that carries a version weft can use. */
  suite: z.string(),
  /** Where the suite moves when it leaves the mirrors. */
  archive: z.url().optional(),
  package: z.string(),
  /** The program's path inside the package. */
  binary: z.string(),
  version: z.string(),
  /** By Debian's name of the architecture; binds only while the suite still carries `version`. */
  sha256: z.record(z.string(), sha256),
});

const tool = z.strictObject({
  /** The variable that names a binary of one's own. */
  env: z.string(),
  /** The oldest version that weft runs with. */
  minimum: version,
  /** What makes the program tell its version. */
  versionArgument: z.string(),
  licence: z.string(),
  /** True when nothing of weft needs it. */
  optional: z.boolean().default(false),
  release: z.strictObject({
    version,
    /** By `process.platform` and `process.arch`, as "linux-x64". */
    files: z.record(z.string(), z.strictObject({ url: z.url(), sha256 })),
  }),
  debian: debianPackage.optional(),
});

const manifest = z.record(z.string(), tool);

export type DebianPackage = z.infer<typeof debianPackage>;
export type ToolEntry = z.infer<typeof tool>;

/** The programs that weft runs beside Node. */
export const toolNames = ['consul', 'nats-server', 'grpcurl'] as const;
export type ToolName = (typeof toolNames)[number];

/** One entry of deploy/tools.json: pinned versions and sums of one program. */
export interface Tool extends ToolEntry {
  readonly name: ToolName;
}

/** Reads the entry of `name`; `path` stands in for deploy/tools.json in tests. */
export function readTool(name: ToolName, path = shippedFile('deploy/tools.json')): Tool {
  const parsed = manifest.safeParse(JSON.parse(readFileSync(path, 'utf8')));
  if (!parsed.success) {
    throw new MeshError(`${path} is malformed: ${z.prettifyError(parsed.error)}`, {
      status: 'FAILED_PRECONDITION',
      reason: 'TOOLS_MANIFEST_INVALID',
    });
  }
  const entry = parsed.data[name];
  if (entry === undefined) {
    throw new MeshError(`${path} says nothing of ${name}`, {
      status: 'NOT_FOUND',
      reason: 'TOOL_UNKNOWN',
    });
  }
  return { ...entry, name };
}
