import type { Timestamp } from '../../gen/google/protobuf/timestamp.ts';

/** Wall ms as google.protobuf.Timestamp. */
export function toTimestamp(wallMs: number): Timestamp {
  const seconds = Math.floor(wallMs / 1000);
  return { seconds: BigInt(seconds), nanos: Math.floor((wallMs - seconds * 1000) * 1_000_000) };
}

/** google.protobuf.Timestamp as wall ms. */
export function fromTimestamp({ seconds, nanos }: Timestamp): number {
  return Number(seconds) * 1000 + nanos / 1_000_000;
}
