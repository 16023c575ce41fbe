import { MeshError } from '../kernel/error.ts';
import { createLog } from '../telemetry/log.ts';
import { startApp } from './app.ts';
import { letGoOfLoading } from './let-go.ts';
import type { AppOptions } from './options.ts';

/**
 * Runs a service as the main work of this process: resolves when it serves. SIGTERM and SIGINT drain it and
 * end the process with 0; a second one ends it at once. A fault that nobody caught is logged and ends the
 * process with 1, so that whoever supervises it sees the crash and starts it anew: a process in an unknown
 * state must not go on serving.
 */
export async function runApp<DB>(options: AppOptions<DB>): Promise<void> {
  // Everything is compiled.
  letGoOfLoading();
  const log = createLog({ level: options.settings.logLevel, fields: { service: options.name } });
  const crash = (what: string) => (err: unknown) => {
    log.error(what, { err });
    process.exit(1);
  };
  process.on('uncaughtException', crash('crashed: an exception that nobody caught'));
  process.on('unhandledRejection', crash('crashed: a rejection that nobody handled'));
  const app = await startApp(options).catch((thrown: unknown) => {
    log.error(`cannot start: ${MeshError.from(thrown).rawMessage}`, { err: thrown });
    process.exit(1);
  });
  let leaving = false;
  const onSignal = (signal: string): void => {
    if (leaving) process.exit(1);
    leaving = true;
    log.info('stopping', { signal });
    app.close().then(() => {
      log.info('stopped');
      process.exit(0);
    }, crash('stopping failed'));
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
