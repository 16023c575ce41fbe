import assert from 'node:assert/strict';
import { describe, MeshError } from '../kernel/error.ts';
import type { Aggregate } from './aggregate.ts';
import type { NewEvent } from './event.ts';

/** A decision of an aggregate under test. */
export interface Scenario<S> {
  /** What is asked of it: a decision, as `decide` of Sourcing takes it. */
  when(decide: (state: S) => readonly NewEvent[]): {
    /** Expects exactly these events; none: nothing happens. */
    gives(...events: readonly NewEvent[]): void;
    /** Expects that it is refused for this reason (MeshError.reason). */
    refuses(reason: string): void;
    /** Expects the state after it. */
    leaves(state: S): void;
  };
}

/**
 * A sentence about an aggregate, without a store:
 *
 *     given(machine, happened(ItemSelected, { itemId: 'tea' }))
 *       .when((state) => pay(state, 200))
 *       .gives(happened(PaymentCompleted, { itemId: 'tea', amount: 200 }));
 *
 * Throws node's AssertionError, which every test runner shows.
 */
export function given<S>(aggregate: Aggregate<S>, ...events: readonly NewEvent[]): Scenario<S> {
  const fold = (state: S, some: readonly NewEvent[]): S =>
    some.reduce(
      (before, { typeName, encode }) => aggregate.fold(before, { typeName, data: encode() }),
      state,
    );
  const state = fold(aggregate.initial, events);
  return {
    when: (decide) => ({
      gives(...wanted) {
        assert.deepEqual(decide(state).map(seen), wanted.map(seen));
      },
      refuses(reason) {
        let given: readonly NewEvent[];
        try {
          given = decide(state);
        } catch (thrown) {
          assert.equal(MeshError.from(thrown).reason ?? describe(thrown), reason);
          return;
        }
        assert.fail(
          `expected a refusal (${reason}), and it gave ${JSON.stringify(given.map(({ typeName }) => typeName))}`,
        );
      },
      leaves(wanted) {
        assert.deepEqual(fold(state, decide(state)), wanted);
      },
    }),
  };
}

function seen({ typeName, message }: NewEvent): object {
  return { typeName, message };
}
