import type { ServerInterceptingCallInterface, ServerInterceptor } from '@grpc/grpc-js';

/** Who hears of a call in place of grpc-js. */
export type CallListener = Parameters<ServerInterceptingCallInterface['start']>[0];

/** Who is to serve the call; undefined: grpc-js, as it would. */
export type Listen = (
  path: string,
  call: ServerInterceptingCallInterface,
) => CallListener | undefined;

/**
 * Takes calls from grpc-js one floor below its handlers: an interceptor that starts those for which `listen` has
 * a listener, and passes all others on. The handler that grpc-js has for such a call waits for it in vain.
 */
export function takeOver(listen: Listen): ServerInterceptor {
  const intercept = (
    { path }: { readonly path: string },
    call: ServerInterceptingCallInterface,
  ): ServerInterceptingCallInterface => {
    const listener = listen(path, call);
    if (listener === undefined) return call;
    call.start(listener);
    return taken;
  };
  // Declared to give the class, but grpc-js asks for the interface only, and hands it out itself.
  return intercept as unknown as ServerInterceptor;
}

const nothing = (): void => undefined;

/** What grpc-js gets in place of a call that is served elsewhere: nothing ever happens to it. */
const taken: ServerInterceptingCallInterface = {
  start: nothing,
  sendMetadata: nothing,
  sendMessage: nothing,
  sendStatus: nothing,
  startRead: nothing,
  getPeer: () => 'unknown',
  getDeadline: () => Number.POSITIVE_INFINITY,
  getHost: () => '',
  getAuthContext: () => ({}),
  getConnectionInfo: () => ({}),
  getMetricsRecorder: () => {
    throw new Error('not available: this call is served by weft');
  },
};
