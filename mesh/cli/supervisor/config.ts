import { readFileSync } from 'node:fs';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import { describe, MeshError } from '../../kernel/error.ts';
import { circleIn } from './graph.ts';
import { type MeshFile, meshFileSchema } from './schema.ts';

/** One fault of the file and the path of the field at fault. */
interface Fault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/**
 * Reads weft.yaml. Throws INVALID_ARGUMENT / MESH_FILE_INVALID with every fault at once, each with its
 * line, or NOT_FOUND when there is no such file.
 */
export function readMeshFile(path: string): MeshFile {
  const lines = new LineCounter();
  const document = parseDocument(readText(path), { lineCounter: lines });
  if (document.errors.length > 0) throw invalidMeshFile(path, document.errors.map(describe));
  const parsed = meshFileSchema.safeParse(document.toJS());
  const faults: readonly Fault[] = parsed.success ? contradictions(parsed.data) : issuesOf(parsed);
  if (parsed.success && faults.length === 0) return parsed.data;
  throw invalidMeshFile(
    path,
    faults.map((fault) => `line ${lineOf(document, lines, fault.path)}: ${fault.message}`),
  );
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new MeshError(
      `there is no mesh to run: ${path} cannot be read. Name another file with --file, or write one (docs/reference/weft-yaml.md)`,
      { status: 'NOT_FOUND', reason: 'MESH_FILE_MISSING', cause },
    );
  }
}

function issuesOf(parsed: ReturnType<typeof meshFileSchema.safeParse>): Fault[] {
  return (parsed.error?.issues ?? []).flatMap((issue) => {
    const { path, message } = issue;
    if (issue.code !== 'unrecognized_keys')
      return [{ path, message: `${path.join('.')}: ${message}` }];
    return issue.keys.map((key) => {
      const whole = [...path, key];
      return { path: whole, message: `${whole.join('.')}: there is no such field` };
    });
  });
}

/** What each field cannot see of the others. */
function contradictions(file: MeshFile): Fault[] {
  return [...commandFaults(file), ...referenceFaults(file), ...portFaults(file)];
}

function commandFaults({ services }: MeshFile): Fault[] {
  return Object.entries(services).flatMap(([name, entry]) => {
    const fault = (message: string): Fault => ({
      path: ['services', name],
      message: `services.${name}: ${message}`,
    });
    const faults: Fault[] = [];
    if ((entry.run === undefined) === (entry.command === undefined)) {
      faults.push(fault('say what to start, either by run (a file for Node) or by command'));
    }
    if (entry.ready === 'tcp' && (entry.port === undefined || entry.instances > 1)) {
      faults.push(fault('ready: tcp needs a fixed port, hence one instance with a port'));
    }
    return faults;
  });
}

function referenceFaults({ services, examples }: MeshFile): Fault[] {
  const known = Object.keys(services).join(', ');
  const unknown = (path: PropertyKey[], name: string): Fault[] =>
    name in services
      ? []
      : [{ path, message: `${path.join('.')}: there is no service ${name}; known: ${known}` }];
  const faults = Object.entries(services).flatMap(([name, { after, calls }]) => [
    ...after.flatMap((other, i) => unknown(['services', name, 'after', i], other)),
    ...calls.flatMap((other, i) => unknown(['services', name, 'calls', i], other)),
  ]);
  faults.push(...examples.flatMap((each, i) => unknown(['examples', i, 'service'], each.service)));
  const circle = circleIn(new Map(Object.entries(services).map(([n, { after }]) => [n, after])));
  if (circle !== undefined) {
    faults.push({ path: ['services'], message: `after goes in a circle: ${circle}` });
  }
  return faults;
}

function portFaults({ services, infrastructure, console }: MeshFile): Fault[] {
  const taken = new Map<number, string>();
  const faults: Fault[] = [];
  const take = (path: PropertyKey[], port: number | undefined): void => {
    if (port === undefined) return;
    const field = path.join('.');
    const holder = taken.get(port);
    if (holder === undefined) taken.set(port, field);
    else faults.push({ path, message: `${field}: ${holder} has port ${port} already` });
  };
  for (const [server, ports] of Object.entries(infrastructure)) {
    for (const [port, at] of Object.entries(ports)) take(['infrastructure', server, port], at);
  }
  take(['console', 'port'], console?.port);
  for (const [name, { port, ports }] of Object.entries(services)) {
    take(['services', name, 'port'], port);
    for (const [variable, at] of Object.entries(ports)) {
      take(['services', name, 'ports', variable], at);
    }
  }
  return faults;
}

/** The line of a field, or of the nearest thing around it that is written down. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

/** INVALID_ARGUMENT / MESH_FILE_INVALID, with every fault on a line of its own. */
export function invalidMeshFile(path: string, faults: readonly string[]): MeshError {
  return new MeshError(`${path} cannot be used:\n${faults.map((f) => `  ${f}`).join('\n')}`, {
    status: 'INVALID_ARGUMENT',
    reason: 'MESH_FILE_INVALID',
  });
}
