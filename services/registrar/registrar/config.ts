import { readSettings, type Settings, z } from '#mesh';
import { parseWatched, type Watched } from './watched.ts';

export interface RegistrarSettings extends Settings {
  readonly watched: readonly Watched[];
  /** From one look at a process to the next, in ms. Default 500. */
  readonly probeMs: number;
}

/** The only reader of the environment. */
export function config(): RegistrarSettings {
  const { WATCHED, PROBE_MS, ...settings } = readSettings(process.env, {
    WATCHED: z.string().transform(parseWatched).default([]),
    PROBE_MS: z.coerce.number().int().min(50).max(60_000).default(500),
  });
  return { ...settings, watched: WATCHED, probeMs: PROBE_MS };
}
