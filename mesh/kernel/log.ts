/** Facts of one log line; `err` holds what was thrown. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * The log as a port: structured, one event a line. `info` tells what an operator wants to read of a
 * healthy process (started, drained, breaker opened), `warn` what heals by itself, `error` what needs a person.
 */
export interface Log {
  /** What only who looks for a fault wants to read. */
  debug(message: string, fields?: LogFields): void;
  /** What an operator wants to read of a healthy process. */
  info(message: string, fields?: LogFields): void;
  /** What heals by itself. */
  warn(message: string, fields?: LogFields): void;
  /** What needs a person. */
  error(message: string, fields?: LogFields): void;
  /** A log that adds `fields` to every line. */
  child(fields: LogFields): Log;
}

const nothing = (): void => undefined;

/** Says nothing; the default of library parts used alone. */
export const silentLog: Log = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLog,
};
