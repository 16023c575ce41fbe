import { Order } from './gen/bench/v1/bench.ts';

/** What a handler does before it answers. */
export interface Work {
  /** Ends after a wait that nobody can foresee: a few turns of the event loop, one time in ten a millisecond. */
  wait(): Promise<void>;
  /** Adds this much to every wait from now on, in ms. */
  slowDown(ms: number): void;
}

/**
 * Handlers that all take equally long march in step, and then every way to batch looks good: replies come
 * back together, so the next calls leave together. Real handlers wait for disks and neighbours.
 */
export function createWork(seed: number): Work {
  const next = seeded(seed);
  let extraMs = 0;
  const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  return {
    async wait() {
      const chance = next();
      if (extraMs > 0) await after(extraMs);
      if (chance < 0.1) return after(1);
      for (let turns = Math.floor(chance * 4); turns > 0; turns--) {
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    },
    slowDown(ms) {
      extraMs = ms;
    },
  };
}

/** Numbers in [0, 1) that a seed repeats (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Orders to send round: different ones, so that nothing can remember an answer. */
export function sampleOrders(count: number, noteBytes = 0): readonly Order[] {
  return Array.from({ length: count }, (_, n) => ({
    orderId: `ord_01M7Y69NH6S4YJBN90QZC${String(10_000 + n)}`,
    customerId: `cus_01M7Y6A2C3RZ9V5W8XQ${String(100_000 + n)}`,
    currency: 'EUR',
    placedAtMs: 1_795_000_000_000n + BigInt(n),
    gift: n % 2 === 0,
    weightKg: 0.25 + n / 16,
    lines: [
      { sku: 'TEA-GREEN-LOOSE', quantity: 1 + (n % 3), priceMinorUnits: 450n },
      { sku: 'MUG-WHITE-300ML', quantity: 1, priceMinorUnits: 1200n },
      { sku: 'SPOON-BAMBOO', quantity: 2, priceMinorUnits: 190n },
    ],
    note: Buffer.alloc(noteBytes, n),
  }));
}

/** How many bytes an order takes on the wire. */
export function sizeOf(order: Order): number {
  return Order.encode(order).finish().length;
}
