import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { LivePolicySource } from '../config/live-policies.ts';
import type { TargetPolicy } from '../config/policy.ts';
import type { LogFields } from '../kernel/log.ts';
import { eventually } from './eventually.ts';

/** A source of live policies under test; it knows the methods Get and Put of the target "known". */
export interface PolicySourceUnderTest {
  readonly source: LivePolicySource;
  /** What it reported as an error, in order. */
  readonly reported: readonly LogFields[];
  /** Writes the text of a target; undefined removes it. */
  write(target: string, text: string | undefined): Promise<void> | void;
  close(): Promise<void> | void;
}

/** What every PolicySource must do (config/policy.ts). */
export function describePolicySource(
  name: string,
  open: () => Promise<PolicySourceUnderTest> | PolicySourceUnderTest,
): void {
  describe(`${name} as a source of live policies`, () => {
    let under: PolicySourceUnderTest;
    const watches: { close(): void }[] = [];
    beforeAll(async () => {
      under = await open();
    });
    afterEach(() => {
      for (const watch of watches.splice(0)) watch.close();
    });
    afterAll(() => under.close());

    const watch = (target: string) => {
      const told: (TargetPolicy | undefined)[] = [];
      const watched = under.source.watch(target, (policy) => told.push(policy));
      watches.push(watched);
      return { told, close: () => watched.close() };
    };
    const settled = (told: readonly unknown[], last: unknown, times: number): Promise<unknown> =>
      eventually(() => {
        expect(told).toHaveLength(times);
        expect(told.at(-1)).toEqual(last);
      });
    const text = (policy: TargetPolicy): string => JSON.stringify(policy);

    test('says at once that there is no policy, though never before watch has returned', async () => {
      const { told } = watch('nothing');
      expect(told).toHaveLength(0);
      await settled(told, undefined, 1);
    });

    test('tells the policy that stands, each change, and its removal', async () => {
      const { told } = watch('live');
      await settled(told, undefined, 1);
      await under.write('live', text({ lane: false }));
      await settled(told, { lane: false }, 2);
      // Whoever comes later is told the same.
      await settled(watch('live').told, { lane: false }, 1);
      await under.write('live', text({ defaults: { timeoutMs: 5 } }));
      await settled(told, { defaults: { timeoutMs: 5 } }, 3);
      await under.write('live', undefined);
      await settled(told, undefined, 4);
    });

    test('keeps targets apart, and tells nobody who has closed', async () => {
      const [one, other] = [watch('one'), watch('other')];
      await settled(one.told, undefined, 1);
      await settled(other.told, undefined, 1);
      one.close();
      await under.write('one', text({ unix: false }));
      await under.write('other', text({ lane: false }));
      await settled(other.told, { lane: false }, 2);
      expect(one.told).toHaveLength(1);
    });

    test('refuses a value that does not pass, reports it once, and changes nothing', async () => {
      const first = watch('known');
      await settled(first.told, undefined, 1);
      await under.write('known', text({ methods: { Get: { timeoutMs: 7 } } }));
      await settled(first.told, { methods: { Get: { timeoutMs: 7 } } }, 2);
      const before = under.reported.length;
      await under.write('known', text({ methods: { Gett: { timeoutMs: 9 } } }));
      await eventually(() => {
        expect(under.reported).toHaveLength(before + 1);
      });
      expect(under.reported.at(-1)).toMatchObject({
        target: 'known',
        key: 'weft/policy/known',
        faults: 'methods.Gett is no method of known, which has Get, Put',
        inForce: expect.stringContaining('version'),
      });
      expect(under.source.describe('known')).toMatchObject({
        policy: { methods: { Get: { timeoutMs: 7 } } },
        refused: { faults: [{ field: 'methods.Gett' }] },
      });
      // Whoever comes later is told what is in force, and nothing is reported again.
      const second = watch('known');
      await settled(second.told, { methods: { Get: { timeoutMs: 7 } } }, 1);
      await under.write('known', text({ methods: { Put: { attempts: 1 } } }));
      await settled(first.told, { methods: { Put: { attempts: 1 } } }, 3);
      expect(under.reported).toHaveLength(before + 1);
      expect(under.source.describe('known')).not.toHaveProperty('refused');
    });

    test('goes on when a listener throws', async () => {
      watches.push(
        under.source.watch('thrown', () => {
          throw new Error('the fault of this listener');
        }),
      );
      const { told } = watch('thrown');
      await under.write('thrown', text({ lane: false }));
      await eventually(() => {
        expect(told.at(-1)).toEqual({ lane: false });
      });
    });

    test('refuses a target that is no service name', () => {
      expect(() => under.source.watch('../self', () => undefined)).toThrow('is not a service name');
    });
  });
}
