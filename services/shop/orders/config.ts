import { readSettings, type Settings, z } from '#mesh';

export interface OrdersSettings extends Settings {
  /** The pause between two looks for undecided orders, in ms. */
  readonly resumeEveryMs: number;
  /** How often a watcher looks for what other instances did, in ms. */
  readonly watchPollMs: number;
  /** How orders are decided: see flow.ts. */
  readonly flow: 'sync' | 'saga';
}

/** The only reader of the environment. */
export function config(): OrdersSettings {
  const { RESUME_EVERY_MS, WATCH_POLL_MS, ORDER_FLOW, ...settings } = readSettings(process.env, {
    RESUME_EVERY_MS: z.coerce.number().int().min(50).max(60_000).default(1000),
    WATCH_POLL_MS: z.coerce.number().int().min(50).max(60_000).default(500),
    ORDER_FLOW: z.enum(['sync', 'saga']).default('sync'),
  });
  const own = { resumeEveryMs: RESUME_EVERY_MS, watchPollMs: WATCH_POLL_MS, flow: ORDER_FLOW };
  return { ...settings, ...own };
}
