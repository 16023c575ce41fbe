/** The newest version of weft.lane.v1 that is spoken here. */
export const laneVersion = 1;

/** Where lanes are opened. */
export const lanePath = '/weft.lane.v1.LaneService/Exchange';

/** The key of an endpoint's metadata by which an instance tells that it serves lanes; its value is then "1". */
export const laneKey = 'weft-lane';

/**
 * What one message gathers at most, either way. Far below the 1 MiB that a peer takes: a message above its
 * limit ends the stream, and every call on it. More would gain nothing: 64 KiB are 200 to 300 calls.
 */
export const maxBatchBytes = 64 * 1024;

/** How many calls or replies one message gathers at most. */
export const maxBatchCount = 256;

/** How many calls or replies are worked on before the event loop has its turn; some 0.5 ms of work. */
export const perTurn = 64;

/** The largest body that travels with others. A larger one has a message of its own: nobody's flush waits for it. */
export const sharedBodyBytes = 8 * 1024;

/**
 * The largest request that takes a lane; larger ones are called plainly. Measured with one call in ten of
 * 64 KiB, 32 in flight, beside a bare stub: p99 of the small calls 0.4 with the large ones in the lane, 0.75
 * with the large ones sent plainly, for what holds small calls up is CPU, and a stream of HTTP/2 costs most
 * of it. Beyond this a body would fill the stream's window (64 KiB) more than twice over.
 */
export const maxBodyBytes = 128 * 1024;

/** The most calls of one lane at a time; as many as the bulkhead of a target lets through. */
export const maxInFlight = 1024;

/**
 * Bytes that wait to be written: several times what a connection has under way. A client with more opens
 * another lane, a server with more reads no new calls.
 */
export const maxUnsentBytes = 1024 * 1024;

/** With this many bytes waiting a lane takes no call; a burst of 1024 calls of 8 KiB is taken. */
export const maxQueuedBytes = 8 * 1024 * 1024;
