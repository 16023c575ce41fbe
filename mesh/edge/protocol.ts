import type { EdgeRequest } from './edge-request.ts';
import type { Exchange } from './exchange.ts';

/**
 * One way to answer requests: REST, gRPC-Web, a document. Undefined for a request that is not its own; else it
 * answers, and may throw as long as nothing of its answer is out.
 */
export type Protocol = (request: EdgeRequest, exchange: Exchange) => Promise<void> | undefined;
