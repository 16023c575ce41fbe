import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../gen/shop/inventory/v1/inventory.ts';
import type { PolicySource, TargetPolicy } from '../config/policy.ts';
import { systemClock } from '../kernel/clock.ts';
import { runInContext } from '../kernel/context.ts';
import { deadlineIn, remainingMs } from '../kernel/deadline.ts';
import { MeshError } from '../kernel/error.ts';
import type { Status } from '../kernel/status.ts';
import type { PolicyOptions } from '../rpc/client/policy.ts';
import type { HandlerContext } from '../rpc/server/implementation.ts';
import type { ServiceDefinition } from '../schema/definition.ts';
import { type CabledInstance, type CabledMesh, createCabledMesh } from './cabled-mesh.ts';
import { eventually } from './eventually.ts';
import { inventory } from './shop-handlers.ts';

/** One way to call the inventory under the policy of the mesh. */
export interface PolicedCaller {
  getStock(options?: {
    readonly timeoutMs?: number;
    readonly signal?: AbortSignal;
  }): Promise<CallEnd>;
  close(): Promise<void>;
}

/** How a call ended, in words that all kinds of clients have. */
export interface CallEnd {
  readonly status: Status;
  readonly text: string;
}

/** The inventory of a schema that marks nothing as idempotent. */
const unmarked = {
  ...InventoryServiceDefinition,
  methods: {
    ...InventoryServiceDefinition.methods,
    getStock: { ...InventoryServiceDefinition.methods.getStock, options: {} },
  },
} as const satisfies ServiceDefinition;

export interface PolicedOptions extends PolicyOptions {
  readonly policySource?: PolicySource;
}

export type InventoryDefinition = typeof InventoryServiceDefinition | typeof unmarked;

/** What policy promises, whatever client it stands around. */
export function policyContract(
  name: string,
  connect: (
    definition: InventoryDefinition,
    to: { readonly mesh: CabledMesh; readonly instance: CabledInstance },
    options: PolicedOptions,
  ) => PolicedCaller,
): void {
  describe(`the policy around ${name}`, () => {
    let mesh: CabledMesh;
    let instance: CabledInstance;
    let attempts: number[] = [];
    let leftMs: number[] = [];
    let ended: Status[] = [];
    let behave: (context: HandlerContext) => Promise<unknown> = () => Promise.resolve();
    const closing: PolicedCaller[] = [];

    beforeEach(async () => {
      mesh = createCabledMesh();
      attempts = [];
      leftMs = [];
      ended = [];
      const handlers = inventory({
        async getStock(_request, context) {
          attempts.push(context.attempt);
          if (context.deadline) leftMs.push(remainingMs(context.deadline, systemClock));
          await behave(context);
          return { item: undefined };
        },
      });
      instance = await mesh.start(InventoryServiceDefinition, handlers);
    });
    afterEach(async () => {
      for (const each of closing.splice(0)) await each.close();
      await mesh.close();
    });

    const unavailable = new MeshError('not now', { status: 'UNAVAILABLE' });
    const down = (): Promise<never> => Promise.reject(unavailable);
    const hang = ({ signal }: HandlerContext): Promise<never> =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          const reason = MeshError.from(signal.reason);
          ended.push(reason.status);
          reject(reason);
        });
      });

    function callerOf(
      options: PolicedOptions = {},
      definition: InventoryDefinition = InventoryServiceDefinition,
    ): PolicedCaller {
      const caller = connect(definition, { mesh, instance }, options);
      closing.push(caller);
      return caller;
    }

    test('gives every call a deadline, and a shorter one when its caller has less time', async () => {
      behave = () => Promise.resolve();
      const caller = callerOf();
      expect((await caller.getStock()).status).toBe('OK');
      const deadline = deadlineIn(700, systemClock);
      await runInContext({ deadline }, () => caller.getStock());
      expect(leftMs[0]).toBeGreaterThan(1000);
      expect(leftMs[0]).toBeLessThanOrEqual(2001);
      expect(leftMs[1]).toBeLessThanOrEqual(696);
      behave = hang;
      expect((await caller.getStock({ timeoutMs: 60 })).status).toBe('DEADLINE_EXCEEDED');
      const past = runInContext({ deadline: deadlineIn(3, systemClock) }, () => caller.getStock());
      expect((await past).text).toContain('leaves it no time');
    });

    test('tries an idempotent call again, tells the handler so, and gives up after three', async () => {
      behave = ({ attempt }) => (attempt < 3 ? down() : Promise.resolve());
      const caller = callerOf();
      expect((await caller.getStock()).status).toBe('OK');
      expect(attempts).toEqual([1, 2, 3]);
      behave = down;
      expect((await caller.getStock()).status).toBe('UNAVAILABLE');
      expect(attempts.length).toBe(6);
    });

    test('never repeats what the schema does not mark, nor what was an answer', async () => {
      behave = down;
      expect((await callerOf({}, unmarked).getStock()).status).toBe('UNAVAILABLE');
      behave = () => Promise.reject(new MeshError('no such', { status: 'NOT_FOUND' }));
      expect((await callerOf().getStock()).status).toBe('NOT_FOUND');
      expect(attempts).toEqual([1, 1]);
    });

    test('stops retrying when the budget is spent', async () => {
      behave = down;
      const caller = callerOf({
        breaker: { minCalls: 1e6, consecutive: 1e6 },
        retry: { baseMs: 1, maxMs: 1, budget: { share: 0, perSecond: 0.2 } },
      });
      for (let i = 0; i < 5; i++) await caller.getStock();
      // Two retries in ten seconds, for five calls.
      expect(attempts.length).toBe(7);
    });

    test('opens the breaker when most calls fail, and sends no more', async () => {
      behave = down;
      const caller = callerOf({ retry: { attempts: 1 } });
      for (let i = 0; i < 5; i++) await caller.getStock();
      await eventually(async () => (await caller.getStock()).text.includes('breaker is open'));
      const sent = attempts.length;
      expect((await caller.getStock()).status).toBe('UNAVAILABLE');
      expect(attempts.length).toBe(sent);
    });

    test('lets one call try after a while, and closes the breaker when it is answered', async () => {
      behave = down;
      const caller = callerOf({ retry: { attempts: 1 }, breaker: { openMs: 50 } });
      await eventually(async () => (await caller.getStock()).text.includes('breaker is open'));
      behave = () => Promise.resolve();
      await eventually(async () => (await caller.getStock()).status === 'OK');
      expect((await caller.getStock()).status).toBe('OK');
    });

    test('is outweighed by live policy from one call to the next, until that is gone, and watches no longer than it lives', async () => {
      behave = down;
      const { policySource, say, watched } = liveSource();
      const caller = callerOf({ retry: { attempts: 2 }, policySource });
      const attemptsOfOne = async (): Promise<number> => {
        attempts.length = 0;
        await caller.getStock();
        return attempts.length;
      };
      expect(await attemptsOfOne()).toBe(2);
      say({ methods: { GetStock: { attempts: 4 } }, retry: { baseMs: 1 } });
      expect(await attemptsOfOne()).toBe(4);
      say({ bulkhead: { maxInFlight: 1 }, methods: { GetStock: { timeoutMs: 80 } } });
      behave = hang;
      const held = caller.getStock();
      expect((await caller.getStock()).text).toContain('1 calls to it are in flight');
      expect((await held).status).toBe('DEADLINE_EXCEEDED');
      say(undefined);
      behave = down;
      expect(await attemptsOfOne()).toBe(2);
      expect(watched()).toEqual(['inventory']);
      await caller.close();
      expect(watched()).toEqual([]);
    });

    test('refuses what is over the bulkhead at once', async () => {
      behave = hang;
      const caller = callerOf({ bulkhead: { maxInFlight: 1 } });
      const controller = new AbortController();
      const held = caller.getStock({ signal: controller.signal });
      await eventually(() => attempts.length === 1);
      const refused = await caller.getStock();
      expect(refused.status).toBe('RESOURCE_EXHAUSTED');
      expect(refused.text).toContain('in flight');
      controller.abort();
      await held;
      expect(attempts).toEqual([1]);
    });

    test('ends a call when its caller leaves, here and in the handler', async () => {
      behave = hang;
      const caller = callerOf();
      const own = new AbortController();
      const work = new AbortController();
      const calls = [
        caller.getStock({ signal: own.signal }),
        runInContext({ signal: work.signal }, () => caller.getStock()),
      ];
      await eventually(() => attempts.length === 2);
      own.abort();
      work.abort();
      for (const each of await Promise.all(calls)) expect(each.status).toBe('CANCELLED');
      await eventually(() => ended.length === 2);
      expect(ended).toEqual(['CANCELLED', 'CANCELLED']);
    });
  });
}

/** A source of live policy that says what the test says. */
function liveSource() {
  const listeners = new Map<(policy: TargetPolicy | undefined) => void, string>();
  const policySource: PolicySource = {
    watch(target, listener) {
      listeners.set(listener, target);
      return { close: () => listeners.delete(listener) };
    },
  };
  return {
    policySource,
    say(policy: TargetPolicy | undefined): void {
      for (const listener of listeners.keys()) listener(policy);
    },
    watched: () => [...listeners.values()],
  };
}
