import { readSettings, type Settings } from '#mesh';

/** The only reader of the environment; of the usual settings only where to listen and what to be called. */
export function config(): Pick<Settings, 'host' | 'port' | 'instanceId'> {
  return readSettings(process.env);
}
