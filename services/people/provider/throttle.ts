/** How much a provider takes: so many a second, and so many a day. Plain data and a count, no I/O. */

export interface ThrottleOptions {
  readonly perSecond: number;
  readonly dailyQuota: number;
  readonly dayMs: number;
}

/** Why something is not taken now, and how long it takes until it may be. */
export interface Refusal {
  readonly because: 'rate' | 'quota';
  readonly retryAfterMs: number;
}

export interface Throttle {
  /** Takes one at `nowMs`; undefined: it is taken. */
  take(nowMs: number): Refusal | undefined;
}

/** Days and seconds begin with the clock, for everybody at once: that is what makes callers come back together. */
export function createThrottle({ perSecond, dailyQuota, dayMs }: ThrottleOptions): Throttle {
  const second = createWindow(1000, perSecond);
  const day = createWindow(dayMs, dailyQuota);
  return {
    take(nowMs) {
      if (day.isFull(nowMs)) return { because: 'quota', retryAfterMs: day.leftMs(nowMs) };
      if (second.isFull(nowMs)) return { because: 'rate', retryAfterMs: second.leftMs(nowMs) };
      day.count(nowMs);
      second.count(nowMs);
      return undefined;
    },
  };
}

interface Window {
  isFull(nowMs: number): boolean;
  count(nowMs: number): void;
  /** Until the next one begins. */
  leftMs(nowMs: number): number;
}

function createWindow(lengthMs: number, most: number): Window {
  let current = -1;
  let taken = 0;
  const turn = (nowMs: number): void => {
    const now = Math.floor(nowMs / lengthMs);
    if (now === current) return;
    current = now;
    taken = 0;
  };
  return {
    isFull(nowMs) {
      turn(nowMs);
      return taken >= most;
    },
    count(nowMs) {
      turn(nowMs);
      taken++;
    },
    leftMs: (nowMs) => lengthMs - (nowMs % lengthMs),
  };
}
