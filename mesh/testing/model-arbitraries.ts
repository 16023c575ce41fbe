import fc from 'fast-check';
import type { Hearing, Step } from './model-steps.ts';

const crash = fc.record({
  moment: fc.constantFrom('before' as const, 'inside' as const, 'after' as const),
  countdown: fc.nat(6),
});
const kind = <K extends string>(name: K): { kind: fc.Arbitrary<K> } => ({
  kind: fc.constant(name),
});
const common: fc.WeightedArbitrary<Step>[] = [
  { weight: 4, arbitrary: fc.record(kind('begin')) },
  { weight: 8, arbitrary: fc.record({ ...kind('publish'), key: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record(kind('commit')) },
  { weight: 2, arbitrary: fc.record(kind('abort')) },
  { weight: 6, arbitrary: fc.record({ ...kind('time'), ms: fc.oneof(fc.nat(20), fc.nat(4_000)) }) },
];
const faults: fc.WeightedArbitrary<Step>[] = [
  { weight: 4, arbitrary: fc.record({ ...kind('crash'), process: fc.nat(1), crash }) },
  { weight: 2, arbitrary: fc.record({ ...kind('broker'), down: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      ...kind('sending'),
      fault: fc.constantFrom('fine', 'unsent', 'ack lost', 'half', 'twice'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      ...kind('delivering'),
      fault: fc.constantFrom('fine', 'ack lost', 'ack late', 'twice'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      ...kind('handling'),
      fault: fc.constantFrom('fine', 'throws', 'outage'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ ...kind('leave'), process: fc.nat(1) }) },
  // Longer than a lease, so that others take over what the sleeper believes to hold.
  { weight: 2, arbitrary: fc.record({ ...kind('sleep'), process: fc.nat(1), ms: fc.nat(6_000) }) },
  { weight: 1, arbitrary: fc.record(kind('replay')) },
  { weight: 1, arbitrary: fc.record(kind('drop')) },
];

/** Several events at once, most of one key: what there must be for an order to be kept or lost. */
const burst = fc
  .array(fc.constantFrom(0, 0, 0, 1), { minLength: 2, maxLength: 5 })
  .map((keys): Step[] => [
    { kind: 'begin' },
    ...keys.map((key): Step => ({ kind: 'publish', key })),
    { kind: 'commit' },
  ]);
/** A handler that fails again and again, and a time in which it does. */
const failures = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.nat(2_500))
  .map(([times, ms]): Step[] => [
    ...Array.from({ length: times }, (): Step => ({ kind: 'handling', fault: 'throws' })),
    { kind: 'time', ms },
  ]);

/** A process stops with a failed event in hand, whoever takes over has troubles of its own, and then it goes on. */
const handover = fc
  .record({
    process: fc.nat(1),
    key: fc.nat(1),
    outages: fc.nat(4),
    ms: fc.integer({ min: 2_000, max: 5_000 }),
  })
  .map(({ process, key, outages, ms }): Step[] => [
    { kind: 'begin' },
    ...[key, key, key].map((each): Step => ({ kind: 'publish', key: each })),
    { kind: 'handling', fault: 'throws' },
    { kind: 'commit' },
    { kind: 'time', ms: 30 },
    { kind: 'sleep', process, ms },
    ...Array.from({ length: outages }, (): Step => ({ kind: 'handling', fault: 'outage' })),
    { kind: 'time', ms: ms - 40 },
    { kind: 'handling', fault: 'throws' },
    { kind: 'time', ms: 100 },
  ]);

/** What may happen to the model. */
export const anySteps: fc.Arbitrary<Step[]> = fc
  .array(
    fc.oneof(
      { weight: 50, arbitrary: fc.oneof(...common, ...faults).map((step) => [step]) },
      { weight: 6, arbitrary: burst },
      { weight: 4, arbitrary: failures },
      { weight: 3, arbitrary: handover },
    ),
    { maxLength: 30, size: 'max' },
  )
  .map((several) => several.flat());

/**
 * A process sleeps while a failed event waits in its hands; another has taken over, and waits for the end of an
 * outage with the same event in its own. When the first one wakes and gives the event up, its key must not stop
 * behind the back of the second, which would go on with the next one. It took the fencing away to see that happen.
 */
export const aSleeperThatGivesUp: [Step[], number, Extract<Hearing, { ordered: true }>] = [
  [
    { kind: 'time', ms: 1_000 },
    { kind: 'begin' },
    ...Array.from({ length: 3 }, (): Step => ({ kind: 'publish', key: 0 })),
    { kind: 'handling', fault: 'throws' },
    { kind: 'commit' },
    { kind: 'time', ms: 50 },
    { kind: 'sleep', process: 1, ms: 3_500 },
    ...Array.from({ length: 4 }, (): Step => ({ kind: 'handling', fault: 'outage' })),
    { kind: 'time', ms: 3_480 },
    { kind: 'handling', fault: 'throws' },
    { kind: 'time', ms: 100 },
  ],
  1,
  { ordered: true, onDead: 'park-key', retryMs: 200 },
];

export const anyOrder: fc.Arbitrary<Extract<Hearing, { ordered: true }>> = fc.record({
  ordered: fc.constant(true),
  onDead: fc.constantFrom('go-on', 'park-key'),
  retryMs: fc.constantFrom(200, 1_500),
});
