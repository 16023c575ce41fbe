/** The door of the edge: for the few processes that face the world, so that all others stay lean (ADR 0006). */

export { createAnswers, type EdgeDb, edgeMigrations } from './answers.ts';
export type { TokenOptions } from './authenticate.ts';
export { createEdge, type Edge, edgeKey } from './edge.ts';
export type { EdgeRequest, Principal } from './edge-request.ts';
export type { Exchange } from './exchange.ts';
export type { EdgeOptions } from './options.ts';
export type { Protocol } from './protocol.ts';
// WebSocket: frames under limits, answers by id.
export { createSocketClient, type SocketClient } from './socket/client.ts';
export { createSocketDoor, type SocketDoor } from './socket/door.ts';
export type { Frame } from './socket/frame.ts';
export type { SocketLimits } from './socket/limits.ts';
export type { SocketConnection } from './socket/socket.ts';
export { type Verb, verb } from './socket/verb.ts';
// Events of the mesh for those who are connected.
export { createTopics, type Topic, type Topics } from './topics/topics.ts';
export type { Upgrade, UpgradeRequest } from './upgrade.ts';
