#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { MeshError } from '../kernel/error.ts';
import { environment } from './environment.ts';
import { shippedFile } from './root.ts';

/** 0: done; 1: it failed, and the message says why and what to do; 2: the command line makes no sense. */
const exitCode = { failed: 1, usage: 2 };

/** In the order of the help. Only the verb that is asked for is loaded: each has dependencies of its own. */
const verbs: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import('./up.ts')).upCommand(),
  down: async () => (await import('./down.ts')).downCommand(),
  ps: async () => (await import('./ps.ts')).psCommand(),
  logs: async () => (await import('./logs.ts')).logsCommand(),
  stop: async () => (await import('./start-stop.ts')).stopCommand(),
  start: async () => (await import('./start-stop.ts')).startCommand(),
  call: async () => (await import('./call.ts')).callCommand(),
  load: async () => (await import('./load.ts')).loadCommand(),
  stat: async () => (await import('./stat.ts')).statCommand(),
  top: async () => (await import('./top.ts')).topCommand(),
  tap: async () => (await import('./tap.ts')).tapCommand(),
  policy: async () => (await import('./policy.ts')).policyCommand(),
  fault: async () => (await import('./fault.ts')).faultCommand(),
  split: async () => (await import('./split.ts')).splitCommand(),
  saga: async () => (await import('./saga.ts')).sagaCommand(),
  console: async () => (await import('./console.ts')).consoleCommand(),
  trace: async () => (await import('./trace.ts')).traceCommand(),
  dlq: async () => (await import('./dlq.ts')).dlqCommand(),
  asyncapi: async () => (await import('./asyncapi.ts')).asyncApiCommand(),
  tools: async () => (await import('./tools.ts')).toolsCommand(),
  new: async () => (await import('./new.ts')).newCommand(),
  doctor: async () => (await import('./doctor.ts')).doctorCommand(),
};

// Whoever reads, as `head` or a pager, may have read enough; that is no failure, and nobody is left to write to.
process.stdout.on('error', (err: NodeJS.ErrnoException) => {
  if (err.code !== 'EPIPE') throw err;
  process.exit();
});
try {
  const program = await weft(process.argv[2]);
  await program.parseAsync();
} catch (thrown) {
  process.exitCode = report(thrown);
}

/** The command line with `verb` alone, or with all of them for help and for what is none. */
async function weft(verb: string | undefined): Promise<Command> {
  const program = new Command('weft')
    .description('a gRPC service mesh without sidecars: run it, look at it, call it')
    .version(version(), '-V, --version', 'say which weft this is')
    .showHelpAfterError('(--help says what it takes)')
    .exitOverride();
  const asked = Object.entries(verbs).filter(([name]) => name === verb);
  for (const [, load] of asked.length > 0 ? asked : Object.entries(verbs)) {
    const command = (await load()).copyInheritedSettings(program);
    for (const inner of command.commands) inner.copyInheritedSettings(program);
    program.addCommand(command);
  }
  return program;
}

function version(): string {
  const file = readFileSync(shippedFile('package.json'), 'utf8');
  return /"version": "([^"]+)"/.exec(file)?.[1] ?? 'unknown';
}

/** What a person reads when a command fails: the message, and the stack only with DEBUG set. */
function report(thrown: unknown): number {
  // Commander has printed its own complaint; help and --version are no failures.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : exitCode.usage;
  console.error(`weft: ${MeshError.from(thrown).rawMessage}`);
  if (environment()['DEBUG'] !== undefined) console.error(thrown);
  return exitCode.failed;
}
