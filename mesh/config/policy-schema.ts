import { z } from 'zod';
import type { MethodInfo } from '../kernel/call.ts';
import { describe } from '../kernel/error.ts';
import { type Status, statusCode } from '../kernel/status.ts';
import { repetitionFault } from '../schema/definition.ts';
import type { TargetPolicy } from './policy.ts';

/*
 * A live policy reaches every caller of a service within milliseconds, so a slip of the pen does too. Nothing
 * of a value stands unless all of it can be meant: an unknown word is refused, not skipped.
 */

/** One fault of a live policy. */
export interface PolicyFault {
  /** Where it is, as "methods.PlaceOrder.timeoutMs"; "" for the value as a whole. */
  readonly field: string;
  /** The rule that it breaks, as a sentence part. */
  readonly rule: string;
}

/** What a text says as a live policy, or everything that is wrong with it. */
export type PolicyReading =
  | { readonly ok: true; readonly policy: TargetPolicy }
  | { readonly ok: false; readonly faults: readonly PolicyFault[] };

/** What must be known of a method to judge what is said of it. */
export type PolicyMethod = Pick<MethodInfo, 'name' | 'idempotency'>;

/** The methods of a target, as far as this process knows its schema; undefined if it does not. */
export type MethodsOf = (target: string) => readonly PolicyMethod[] | undefined;

/** The service that a live policy is about. */
export interface PolicyTarget {
  readonly name: string;
  /** Its methods, where its schema is known: only then is the name of a method checked. */
  readonly methods?: readonly PolicyMethod[] | undefined;
}

/** Reads a live policy, the JSON text under weft/policy/<service>. */
export function validatePolicy(text: string, target: PolicyTarget): PolicyReading {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    return refused([{ field: '', rule: `is not JSON: ${describe(thrown)}` }]);
  }
  const read = targetPolicy.safeParse(value);
  if (!read.success) return refused(read.error.issues.flatMap(faultsOf));
  const policy: TargetPolicy = read.data;
  const faults = methodFaults(value, policy, target);
  return faults.length > 0 ? refused(faults) : { ok: true, policy };
}

/** One line for a log or a terminal. */
export function describeFaults(faults: readonly PolicyFault[]): string {
  return faults.map(({ field, rule }) => (field === '' ? rule : `${field} ${rule}`)).join('; ');
}

/** A day: whoever waits longer waits for nothing. */
const longestMs = 86_400_000;
const ms = (least: number) => z.int().min(least).max(longestMs);
const share = z.number().min(0).max(1);

const failures = Object.keys(statusCode).filter((name) => name !== 'OK') as Status[];

const methodPolicy = z.strictObject({
  timeoutMs: ms(1).exactOptional(),
  // gRFC A6 allows five; more is a storm.
  attempts: z.int().min(1).max(5).exactOptional(),
  idleTimeoutMs: ms(0).exactOptional(),
  maxExtraLoad: share.exactOptional(),
  retryOn: z.array(z.enum(failures)).max(failures.length).exactOptional(),
});

/** Absent, or `later` not below `earlier`. */
const rising =
  (earlier: string, later: string) =>
  (section: Readonly<Record<string, number | undefined>>): boolean =>
    (section[later] ?? Infinity) >= (section[earlier] ?? 0);

const fault = z
  .strictObject({
    method: z.string().exactOptional(),
    abort: z.strictObject({ status: z.enum(failures), share }).exactOptional(),
    delay: z.strictObject({ ms: ms(1), share }).exactOptional(),
    until: z.iso.datetime('is no moment, as "2026-06-01T12:00:00Z"'),
  })
  .refine(({ abort, delay }) => abort !== undefined || delay !== undefined, {
    error: 'names neither abort nor delay',
  });

const targetPolicy = z.strictObject({
  defaults: methodPolicy.exactOptional(),
  methods: z.record(z.string(), methodPolicy).exactOptional(),
  retry: z
    .strictObject({ baseMs: ms(1).exactOptional(), maxMs: ms(1).exactOptional() })
    .refine(rising('baseMs', 'maxMs'), { path: ['maxMs'], error: 'is less than baseMs' })
    .exactOptional(),
  budget: z
    .strictObject({
      share: share.exactOptional(),
      perSecond: z.number().min(0).max(10_000).exactOptional(),
    })
    .exactOptional(),
  breaker: z
    .strictObject({
      minSuccessRate: share.exactOptional(),
      windowMs: ms(100).exactOptional(),
      minCalls: z.int().min(1).exactOptional(),
      consecutive: z.int().min(1).exactOptional(),
      openMs: ms(1).exactOptional(),
      maxOpenMs: ms(1).exactOptional(),
    })
    .refine(rising('openMs', 'maxOpenMs'), { path: ['maxOpenMs'], error: 'is less than openMs' })
    .exactOptional(),
  bulkhead: z
    .strictObject({ maxInFlight: z.int().min(1).max(1_000_000).exactOptional() })
    .exactOptional(),
  lane: z.boolean().exactOptional(),
  unix: z.boolean().exactOptional(),
  faults: z.array(fault).max(20).exactOptional(),
});

function refused(faults: readonly PolicyFault[]): PolicyReading {
  return { ok: false, faults };
}

function faultsOf(issue: z.core.$ZodIssue): PolicyFault[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: [...path, key].join('.'), rule: 'is no setting' }));
  }
  const field = path.join('.');
  if (field === '') return [{ field, rule: 'is not an object of settings' }];
  return [{ field, rule: ruleOf(issue) }];
}

function ruleOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'too_small':
      return `is less than ${String(issue.minimum)}`;
    case 'too_big':
      return `is more than ${String(issue.maximum)}`;
    case 'invalid_type':
      return `is no ${issue.expected === 'int' ? 'whole number' : issue.expected}`;
    case 'invalid_value':
      return `is none of ${issue.values.map(String).join(', ')}`;
    default:
      return issue.message;
  }
}

/** The methods that a policy names, and where. */
function namedIn(value: unknown, policy: TargetPolicy): { field: string; name: string }[] {
  // The names as they stand in the text: a record drops "__proto__".
  const named = Object.keys((value as { methods?: object }).methods ?? {});
  const inFaults = (policy.faults ?? []).flatMap(({ method }, i) =>
    method === undefined ? [] : [{ field: `faults.${i}.method`, name: method }],
  );
  return [...named.map((name) => ({ field: `methods.${name}`, name })), ...inFaults];
}

/** What only the schema of the target can tell. */
function methodFaults(
  value: unknown,
  policy: TargetPolicy,
  { name: target, methods: known }: PolicyTarget,
): PolicyFault[] {
  const faults: PolicyFault[] = [];
  for (const { field, name } of namedIn(value, policy)) {
    const method = known?.find((each) => each.name === name);
    if (method === undefined) {
      if (known !== undefined) {
        const names = [...new Set(known.map((each) => each.name))].sort().join(', ');
        faults.push({ field, rule: `is no method of ${target}, which has ${names}` });
      } else if (!/^[A-Za-z]\w*$/.test(name)) {
        faults.push({ field, rule: 'is not the name of a method' });
      }
      continue;
    }
    const rule = repetitionFault(method.idempotency, policy.methods?.[name] ?? {});
    if (rule !== undefined) faults.push({ field, rule: `cannot be meant: ${rule}` });
  }
  return faults;
}
