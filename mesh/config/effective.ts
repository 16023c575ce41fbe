import type { MethodInfo } from '../kernel/call.ts';
import {
  defaultMethodPolicy,
  defaultTargetPolicy,
  type EffectiveMethodPolicy,
  type EffectiveTargetPolicy,
} from './defaults.ts';
import type { Fault, MethodPolicy, Origin, TargetPolicy } from './policy.ts';

/*
 * The levels of policy laid over each other: defaults < schema < client options < live policy < live policy
 * of the method. An operator's word outweighs the author's, because it is said later and can be taken
 * back at once. Pure: the same levels give the same policy, so it is computed when one of them changes, not
 * by call.
 */

/** What is said above the schema; an absent level says nothing. */
export interface PolicyLevels {
  /** The options of the client. */
  readonly client?: TargetPolicy | undefined;
  /** The live policy. */
  readonly kv?: TargetPolicy | undefined;
}

/** One value of the effective policy, for people: what stands, and who said it. */
export interface PolicyRow {
  /** The method's name; "" for a value of the whole target. */
  readonly method: string;
  /** As "timeoutMs" or "breaker.openMs". */
  readonly setting: string;
  /** As "2000", "true", "ABORTED, INTERNAL"; "none" for an empty list. */
  readonly value: string;
  readonly origin: Origin;
}

/** What is said at one level, of whatever is asked. */
interface Level<T> {
  readonly origin: Origin;
  readonly says: T | undefined;
}

/** The policy of one method. What cannot be meant for it (hedging what has side effects) is not heeded. */
export function effectiveMethod(method: MethodInfo, levels: PolicyLevels): EffectiveMethodPolicy {
  const { values } = overlay(defaultMethodPolicy, methodLevels(method, levels));
  const fault = faultOf(method, levels.kv);
  return fault === undefined ? values : { ...values, fault };
}

/** The fault of the method itself, else that of all. */
function faultOf({ name }: MethodInfo, kv: TargetPolicy | undefined): Fault | undefined {
  const faults = kv?.faults;
  return (
    faults?.find(({ method }) => method === name) ??
    faults?.find(({ method }) => method === undefined)
  );
}

/** The policy of a target as a whole. */
export function effectiveTarget(levels: PolicyLevels): EffectiveTargetPolicy {
  const section = <K extends Section>(key: K): EffectiveTargetPolicy[K] =>
    overlay<object>(defaultTargetPolicy[key], sectionLevels(key, levels))
      .values as EffectiveTargetPolicy[K];
  const { lane, unix } = overlay(flags, targetLevels(levels)).values;
  return {
    retry: section('retry'),
    budget: section('budget'),
    breaker: section('breaker'),
    bulkhead: section('bulkhead'),
    lane,
    unix,
  };
}

/** Every value that stands for a target and for `methods`, with its origin: what `weft policy` prints. */
export function policyRows(methods: readonly MethodInfo[], levels: PolicyLevels): PolicyRow[] {
  const rows: PolicyRow[] = sections.flatMap((key) => {
    const levelsOfKey = sectionLevels(key, levels);
    return rowsOf('', overlay<object>(defaultTargetPolicy[key], levelsOfKey), `${key}.`);
  });
  rows.push(...rowsOf('', overlay(flags, targetLevels(levels)), ''));
  for (const fault of levels.kv?.faults ?? []) {
    const value = describeFault(fault);
    rows.push({ method: fault.method ?? '', setting: 'fault', value, origin: 'kv' });
  }
  for (const method of methods) {
    const laid = overlay(defaultMethodPolicy, methodLevels(method, levels));
    rows.push(...rowsOf(method.name, laid, '').filter((row) => concerns(method, row.setting)));
  }
  return rows;
}

/** As "abort UNAVAILABLE 0.1, delay 200 ms 0.5 until 2026-06-01T12:00:00.000Z". */
function describeFault({ abort, delay, until }: Fault): string {
  const parts = [
    ...(abort === undefined ? [] : [`abort ${abort.status} ${abort.share}`]),
    ...(delay === undefined ? [] : [`delay ${delay.ms} ms ${delay.share}`]),
  ];
  return `${parts.join(', ')} until ${until}`;
}

const flags = { lane: defaultTargetPolicy.lane, unix: defaultTargetPolicy.unix };

const sections = ['retry', 'budget', 'breaker', 'bulkhead'] as const;
type Section = (typeof sections)[number];

function targetLevels({ client, kv }: PolicyLevels): Level<TargetPolicy>[] {
  return [
    { origin: 'client', says: client },
    { origin: 'kv', says: kv },
  ];
}

function sectionLevels(key: Section, levels: PolicyLevels): Level<object>[] {
  return targetLevels(levels).map(({ origin, says }) => ({ origin, says: says?.[key] }));
}

function methodLevels(method: MethodInfo, { client, kv }: PolicyLevels): Level<MethodPolicy>[] {
  const levels: Level<MethodPolicy>[] = [
    { origin: 'schema', says: method.policy },
    { origin: 'client', says: client?.defaults },
    { origin: 'client', says: own(client?.methods, method.name) },
    { origin: 'kv', says: kv?.defaults },
    { origin: 'kv method', says: own(kv?.methods, method.name) },
  ];
  return levels.map(({ origin, says }) => ({ origin, says: says && heeded(method, says) }));
}

/** A method may be called "constructor". */
function own<T>(table: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return table !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;
}

/** What a level says to all methods is for those that it can be meant for. */
function heeded(method: MethodInfo, says: MethodPolicy): MethodPolicy {
  const { maxExtraLoad, retryOn, ...rest } = says;
  return {
    ...rest,
    ...(maxExtraLoad !== undefined && method.idempotency === 'no-side-effects' && { maxExtraLoad }),
    ...(retryOn !== undefined && method.idempotency !== 'unknown' && { retryOn }),
  };
}

/** Whether a setting means anything for a method; a row that does not would only mislead. */
function concerns({ kind, idempotency }: MethodInfo, setting: string): boolean {
  switch (setting) {
    case 'timeoutMs':
      return kind === 'unary';
    case 'idleTimeoutMs':
      return kind !== 'unary';
    case 'maxExtraLoad':
      return idempotency === 'no-side-effects';
    case 'retryOn':
      return idempotency !== 'unknown';
    default:
      return true;
  }
}

interface Laid<T> {
  readonly values: T;
  readonly origins: Readonly<Record<string, Origin>>;
}

/** The highest level that says something of a value decides it. */
function overlay<T extends object>(defaults: T, levels: readonly Level<object>[]): Laid<T> {
  const values: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  for (const [key, fallback] of Object.entries(defaults) as [string, unknown][]) {
    values[key] = fallback;
    origins[key] = 'default';
    for (const { origin, says } of levels) {
      const said = (says as Readonly<Record<string, unknown>> | undefined)?.[key];
      if (said === undefined) continue;
      values[key] = said;
      origins[key] = origin;
    }
  }
  // Has the keys of `defaults`, and for each a value of one of the levels, which are typed alike.
  return { values: values as T, origins };
}

function rowsOf(method: string, { values, origins }: Laid<object>, prefix: string): PolicyRow[] {
  return Object.entries(values).map(([key, value]: [string, unknown]) => ({
    method,
    setting: prefix + key,
    value: textOf(value),
    origin: origins[key] ?? 'default',
  }));
}

function textOf(value: unknown): string {
  if (!Array.isArray(value)) return String(value);
  return value.length === 0 ? 'none' : value.join(', ');
}
