import fc from 'fast-check';
import type { Entry } from '../../gen/weft/lane/v1/lane.ts';
import type { Baggage } from '../kernel/baggage.ts';
import type { Metadata } from '../kernel/call.ts';

/** What the frames of a lane may hold, as fast-check makes it up. */

const digits = [...Array(16).keys()].map((digit) => digit.toString(16));
const hex = (length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...digits), minLength: length, maxLength: length });

export const trace = fc.record(
  {
    traceId: hex(32),
    spanId: hex(16),
    state: fc.constantFrom('congo=t61rcWkgMzE', 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'),
    flags: fc.constantFrom(0, 2, 3),
  },
  { requiredKeys: ['traceId', 'spanId'] },
);
export const bytes = (maxLength: number): fc.Arbitrary<Uint8Array<ArrayBuffer>> =>
  // Without a size fast-check ends at ten, whatever the length that is allowed.
  fc.uint8Array({ maxLength, size: 'max' });
export const uint31 = fc.integer({ min: 0, max: 0x7fff_ffff });
export const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });

const printable = fc.string({
  unit: fc.integer({ min: 33, max: 126 }).map((n) => String.fromCharCode(n)),
});

const key = fc.stringMatching(/^x-[a-z0-9_.-]{1,12}$/).filter((name) => !name.endsWith('-bin'));

/** Metadata as it arrives: texts of one value, bytes of several. */
export const metadata: fc.Arbitrary<Metadata> = fc
  .tuple(
    fc.dictionary(key, printable, { maxKeys: 3 }),
    fc.dictionary(
      key.map((name) => `${name}-bin`),
      fc.array(
        bytes(20).map((each) => Buffer.from(each)),
        { minLength: 2, maxLength: 3 },
      ),
      { maxKeys: 2 },
    ),
  )
  .map(([texts, binaries]) => ({ ...texts, ...binaries }));

/** Baggage, which most calls have none of. */
export const baggage: fc.Arbitrary<Baggage | undefined> = fc.option(
  fc
    .dictionary(fc.stringMatching(/^[a-z-]{1,8}$/), fc.string({ maxLength: 8 }), {
      minKeys: 1,
      maxKeys: 2,
    })
    .map((values) => new Map(Object.entries(values).map(([name, value]) => [name, { value }]))),
  { nil: undefined },
);

function valuesOf(value: Metadata[string]): readonly (string | Uint8Array)[] {
  return typeof value === 'string' || value instanceof Uint8Array ? [value] : value;
}

/** Metadata as generated code writes it. */
export function entries(given: Metadata): Entry[] {
  return Object.entries(given).flatMap(([name, values]) =>
    valuesOf(values).map(
      (value): Entry => ({
        key: name,
        value:
          typeof value === 'string'
            ? { $case: 'text', value }
            : { $case: 'binary', value: Buffer.from(value) },
      }),
    ),
  );
}

/** Metadata in one form, wherever it comes from. */
export function plainOf(given: Metadata | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given ?? {}).map(([name, values]) => [
      name,
      valuesOf(values).map((value) =>
        typeof value === 'string' ? value : Buffer.from(value).toString('hex'),
      ),
    ]),
  );
}

/** `whole` with one byte changed, and cut off at a place. */
export function damaged(whole: Buffer, at: number, to: number): Buffer[] {
  const changed = Buffer.from(whole);
  changed[at % changed.length] = to;
  return [changed, whole.subarray(0, at % whole.length)];
}
