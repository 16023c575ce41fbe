/**
 * What a policy of the user is built with: cockatiel's own, through the one room that speaks to it, so that a
 * service has the version that weft runs it with.
 */
export {
  bulkhead,
  ConsecutiveBreaker,
  ConstantBackoff,
  CountBreaker,
  circuitBreaker,
  ExponentialBackoff,
  fallback,
  handleAll,
  handleWhen,
  retry,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel';
