/** Variables as a process receives them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of this process: the one place in the CLI that reads it; all else is given a copy. */
export function environment(): Environment {
  return { ...process.env };
}
