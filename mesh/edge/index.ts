/** The door of the edge: for the few processes that face the world, so that all others stay lean (ADR 0006). */

export { createEdge, type Edge, edgeKey } from './edge.ts';
export type { EdgeRequest, Principal } from './edge-request.ts';
export type { EdgeOptions } from './options.ts';
export type { Upgrade, UpgradeRequest } from './upgrade.ts';
