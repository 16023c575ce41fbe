import { pino } from 'pino';
import type { Log, LogFields } from '../kernel/log.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LogOptions {
  /** The least level that is written. Default "info". */
  readonly level?: LogLevel;
  /** Facts of every line, as { service: 'orders', instance: 'orders-1' }. */
  readonly fields?: LogFields;
  /** Where lines go. Default: standard output, synchronously, so that a crash loses none. */
  readonly write?: (line: string) => void;
}

/** The log of a process: JSON lines by pino, with times in ISO 8601. */
export function createLog({ level = 'info', fields = {}, write }: LogOptions = {}): Log {
  const destination = write === undefined ? pino.destination({ sync: true }) : { write };
  return wrap(
    pino(
      {
        level,
        base: { ...fields },
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        serializers: { err: pino.stdSerializers.errWithCause },
      },
      destination,
    ),
  );
}

function wrap(to: pino.Logger): Log {
  return {
    debug: (message, fields = {}) => {
      to.debug(fields, message);
    },
    info: (message, fields = {}) => {
      to.info(fields, message);
    },
    warn: (message, fields = {}) => {
      to.warn(fields, message);
    },
    error: (message, fields = {}) => {
      to.error(fields, message);
    },
    child: (fields) => wrap(to.child({ ...fields })),
  };
}
