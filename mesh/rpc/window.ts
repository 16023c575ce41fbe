/**
 * What a peer may have under way on a connection, and on each stream of it, before it waits to hear that it was
 * read, in bytes. HTTP/2 begins with 65 535: a body of 64 KiB does not fit, stops in its middle, and what is
 * behind it in a lane stops with it. Four bodies of that size cost a slow reader no more than 256 KiB a stream.
 */
export const windowBytes = 256 * 1024;
