import { createRequire } from 'node:module';

/**
 * The packages of this folder's package.json, from where the bench installs them: outside of lab/, so that
 * checks which look at every source do not look at theirs.
 */
export const installed = createRequire(new URL('../../../.tools/bench/peers/', import.meta.url));
