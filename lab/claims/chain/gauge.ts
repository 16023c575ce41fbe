/** Counts the calls that a handler has in hand. */
export interface Gauge {
  readonly inFlight: number;
  counting<A extends unknown[], R>(work: (...args: A) => Promise<R>): (...args: A) => Promise<R>;
}

export function createGauge(): Gauge {
  let inFlight = 0;
  return {
    get inFlight() {
      return inFlight;
    },
    counting:
      (work) =>
      async (...args) => {
        inFlight++;
        try {
          return await work(...args);
        } finally {
          inFlight--;
        }
      },
  };
}
