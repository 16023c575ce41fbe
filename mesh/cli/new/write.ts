import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseDocument } from 'yaml';
import { MeshError } from '../../kernel/error.ts';
import { shippedFile } from '../root.ts';
import type { ServiceNames } from './names.ts';
import { developmentPackages, projectFiles, scripts } from './project-files.ts';
import { type Files, serviceFiles } from './service-files.ts';

const weftYaml = join('deploy', 'weft.yaml');

/**
 * Makes a project of `folder` with one service, and gives what it wrote. Throws FAILED_PRECONDITION, with nothing
 * written: NO_PACKAGE where weft is not installed in it, WOULD_OVERWRITE where a file is there already.
 */
export function newProject(folder: string, names: ServiceNames): readonly string[] {
  if (existsSync(join(folder, weftYaml))) {
    const message = `${folder} is a project already; weft new service ${names.name} adds a service to it`;
    throw refusal('WOULD_OVERWRITE', message);
  }
  const manifest = readManifest(folder);
  write(folder, { ...projectFiles(names), ...serviceFiles(names) });
  writeFileSync(join(folder, 'package.json'), json(completed(manifest)));
  return ['package.json', ...Object.keys(projectFiles(names)), ...Object.keys(serviceFiles(names))];
}

/**
 * Adds a service to the project in `folder`, and gives what it wrote. Throws FAILED_PRECONDITION, with nothing
 * written: NOT_A_PROJECT where there is no deploy/weft.yaml, WOULD_OVERWRITE where there is such a service.
 */
export function newService(folder: string, names: ServiceNames): readonly string[] {
  const path = join(folder, weftYaml);
  if (!existsSync(path) || !existsSync(join(folder, 'buf.gen.yaml'))) {
    throw refusal(
      'NOT_A_PROJECT',
      `${folder} is no project of weft: it has no ${weftYaml} or no buf.gen.yaml; weft new <name> makes one`,
    );
  }
  if (existsSync(join(folder, 'mesh', 'cli', 'new'))) {
    throw refusal(
      'NOT_A_PROJECT',
      `${folder} is weft's own checkout, which is laid out differently: README.md, "Your first service", says how`,
    );
  }
  const entry = withService(readFileSync(path, 'utf8'), names);
  write(folder, serviceFiles(names));
  writeFileSync(path, entry);
  return [weftYaml, ...Object.keys(serviceFiles(names))];
}

/** All files or none. */
function write(folder: string, files: Files): void {
  const there = Object.keys(files).filter((path) => existsSync(join(folder, path)));
  if (there.length > 0) {
    throw refusal(
      'WOULD_OVERWRITE',
      `nothing was written: ${there.join(', ')} is there already in ${folder}; choose another name or an empty folder, or move it away`,
    );
  }
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { flag: 'wx' });
  }
}

/** The file with one more service, at the first port that none has; comments and order stay. */
function withService(text: string, { name }: ServiceNames): string {
  const document = parseDocument(text);
  const said = (document.toJS() ?? {}) as { services?: Record<string, { port?: unknown } | null> };
  const services = said.services ?? {};
  if (document.errors.length > 0 || name in services) {
    const why = document.errors[0]?.message ?? `it has a service ${name} already`;
    throw refusal('WOULD_OVERWRITE', `nothing was written: ${weftYaml}: ${why}`);
  }
  const ports = new Set(Object.values(services).map((service) => service?.port));
  let port = 1;
  while (ports.has(port)) port++;
  document.setIn(['services', name], document.createNode({ run: `src/${name}/main.ts`, port }));
  return document.toString({ lineWidth: 0 });
}

interface Manifest {
  readonly type?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

function readManifest(folder: string): Manifest {
  const path = join(folder, 'package.json');
  if (existsSync(path) && existsSync(join(folder, 'node_modules', 'weft'))) {
    return JSON.parse(readFileSync(path, 'utf8')) as Manifest;
  }
  throw refusal(
    'NO_PACKAGE',
    `weft is not installed in ${folder}: npm init --yes, then npm install <the package that "make pack" made>, then this once more`,
  );
}

/** What npm itself writes into a new package.json, which nobody chose. */
const noTests = 'echo "Error: no test specified" && exit 1';

/** What a person has said stays; what npm said for want of anything better does not. */
function completed(manifest: Manifest): Manifest {
  const own = Object.entries(manifest.scripts ?? {}).filter(([, script]) => script !== noTests);
  return {
    ...manifest,
    type: 'module',
    scripts: { ...scripts, ...Object.fromEntries(own) },
    devDependencies: { ...pinnedPackages(), ...manifest.devDependencies },
  };
}

/** In the versions with which this weft was made. */
function pinnedPackages(): Record<string, string> {
  const weft = JSON.parse(readFileSync(shippedFile('package.json'), 'utf8')) as Manifest;
  return Object.fromEntries(
    developmentPackages.map((name) => [name, weft.devDependencies?.[name] ?? 'latest']),
  );
}

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

function refusal(reason: string, message: string): MeshError {
  return new MeshError(message, { status: 'FAILED_PRECONDITION', reason });
}
