/** What is watched, and what follows from a look at it: plain data, no I/O. */

/** A process that should answer somewhere. */
export interface Watched {
  readonly service: string;
  readonly host: string;
  readonly port: number;
}

/** Reads "greeter=127.0.0.1:7181,greeter=127.0.0.1:7184"; throws for what is not of that form. */
export function parseWatched(text: string): Watched[] {
  return text.split(',').map((item) => {
    const [, service, host, port] = /^([a-z0-9-]+)=([^:,]+):(\d+)$/.exec(item.trim()) ?? [];
    if (service === undefined || host === undefined) {
      throw new Error(`"${item}" is not to be watched: use service=host:port`);
    }
    return { service, host, port: Number(port) };
  });
}

/** The id under which it is registered: the same after a restart, whoever registers it. */
export function instanceIdOf({ service, port }: Watched): string {
  return `${service}-${String(port)}`;
}

/** Failures in a row after which an instance is taken out. */
export const failuresAllowed = 3;

/** What is to be done after a look: register, take out, or nothing. */
export function after({
  registered,
  failures,
}: {
  readonly registered: boolean;
  readonly failures: number;
}): 'register' | 'take out' | 'nothing' {
  if (!registered) return failures === 0 ? 'register' : 'nothing';
  return failures >= failuresAllowed ? 'take out' : 'nothing';
}
