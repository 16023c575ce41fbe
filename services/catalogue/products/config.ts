import { readSettings, type Settings } from '#mesh';

/** The only reader of the environment. */
export function config(): Settings {
  return readSettings(process.env);
}
