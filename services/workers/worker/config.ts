import { readSettings, type Settings, z } from '#mesh';

export interface WorkerSettings extends Settings {
  /** Silence of a worker after which its job goes to another one, in ms. Default 5000. */
  readonly ackWaitMs: number;
  /** Most jobs of this instance at a time. Default 4. */
  readonly concurrency: number;
}

/** The only reader of the environment. */
export function config(): WorkerSettings {
  const { ACK_WAIT_MS, CONCURRENCY, ...settings } = readSettings(process.env, {
    ACK_WAIT_MS: z.coerce.number().int().min(500).max(600_000).default(5_000),
    CONCURRENCY: z.coerce.number().int().min(1).max(256).default(4),
  });
  return { ...settings, ackWaitMs: ACK_WAIT_MS, concurrency: CONCURRENCY };
}
