import type { StoredValue } from '../consul/types.ts';
import type { Log } from '../kernel/log.ts';
import { checkServiceName } from '../kernel/names.ts';
import { createHub } from './hub.ts';
import type { PolicySource, TargetPolicy } from './policy.ts';
import {
  describeFaults,
  type MethodsOf,
  type PolicyFault,
  validatePolicy,
} from './policy-schema.ts';

/** What is known of the live policy of one target, for people. */
export interface LivePolicyState {
  /** The policy in force; undefined if none is. */
  readonly policy: TargetPolicy | undefined;
  /** The write that it came with; 0 if none is. */
  readonly version: number;
  /** A newer write that was refused. */
  readonly refused?: { readonly version: number; readonly faults: readonly PolicyFault[] };
}

/** A source of live policies that also tells of itself. */
export interface LivePolicySource extends PolicySource {
  /** What is known of a target that is watched. */
  describe(target: string): LivePolicyState | undefined;
}

/** The policies of all targets, whatever store their texts come from. */
export interface LivePolicies {
  readonly source: LivePolicySource;
  /** The store said what stands there now: the text of each target. */
  heard(values: ReadonlyMap<string, StoredValue>): void;
  /** The store cannot be reached: what was heard last stands; if nothing was, there is no live policy. */
  lost(): void;
}

export interface LivePoliciesOptions {
  readonly log: Log;
  readonly methodsOf?: MethodsOf | undefined;
  /** Called before a target is watched. */
  readonly onWatch?: () => void;
}

const noPolicy: LivePolicyState = { policy: undefined, version: 0 };

export function createLivePolicies(options: LivePoliciesOptions): LivePolicies {
  const { log, methodsOf, onWatch } = options;
  const states = new Map<string, LivePolicyState>();
  const hub = createHub<TargetPolicy | undefined>(log, (target) => states.delete(target));
  let values: ReadonlyMap<string, StoredValue> | undefined;

  const judge = (target: string): void => {
    if (values === undefined) return;
    const before = states.get(target) ?? noPolicy;
    const after = judged(before, values.get(target), { target, log, methodsOf });
    states.set(target, after);
    hub.show(target, after.policy);
  };

  return {
    source: {
      watch(target, listener) {
        checkServiceName(target);
        onWatch?.();
        const watch = hub.watch(target, listener);
        judge(target);
        return watch;
      },
      describe: (target) => states.get(target),
    },
    heard(heard) {
      values = heard;
      for (const target of [...hub.watched]) judge(target);
    },
    lost() {
      values ??= new Map();
      for (const target of [...hub.watched]) judge(target);
    },
  };
}

interface Judging {
  readonly target: string;
  readonly log: Log;
  readonly methodsOf: MethodsOf | undefined;
}

/** What stands after the store has said `value`: a policy that does not pass changes nothing. */
function judged(
  before: LivePolicyState,
  value: StoredValue | undefined,
  { target, log, methodsOf }: Judging,
): LivePolicyState {
  if (value === undefined) {
    if (before.version > 0) log.info('the live policy was removed: defaults stand', { target });
    return noPolicy;
  }
  const { key, version } = value;
  if (version === before.version || version === before.refused?.version) return before;
  const read = validatePolicy(value.value, { name: target, methods: methodsOf?.(target) });
  if (read.ok) {
    log.info('a live policy is in force', { target, version });
    return { policy: read.policy, version };
  }
  const { faults } = read;
  log.error('a live policy is refused and changes nothing', {
    target,
    key,
    version,
    faults: describeFaults(faults),
    inForce: before.version > 0 ? `version ${before.version}` : 'no live policy',
  });
  return { policy: before.policy, version: before.version, refused: { version, faults } };
}
