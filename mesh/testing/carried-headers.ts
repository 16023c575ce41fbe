/** What a message carries for others, with all that its specifications allow in there. */
export const carriedHeaders = {
  traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
  tracestate: 'rojo=a b, congo=t61rcWkgMzE',
  baggage: 'tenant=Am%C3%A9lie%2C%20100%25;ttl=60,session=',
} as const;
