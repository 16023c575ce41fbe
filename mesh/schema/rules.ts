import type { ScalarType } from '@bufbuild/protobuf';
import { type DescField } from '@bufbuild/protobuf';
import { Form, type Rules } from '../../gen/weft/v1/options.ts';
import type { FieldViolation } from '../kernel/error.ts';
import { compilePattern, heldBy, isBigint, wrappedScalar } from './options.ts';

/**
 * Checks one value and adds what it breaks to `out`, with paths relative to the value: '' is the value
 * itself. Paths grow on the way out, so that a valid message builds no string at all.
 */
export type ValueCheck = (value: unknown, out: FieldViolation[]) => void;

const forms: Record<number, { matches: RegExp; says: string }> = {
  [Form.ID]: {
    matches: /^[A-Za-z0-9_-]{1,64}$/,
    says: "must be an id, 1 to 64 letters, digits, '_' or '-'",
  },
  [Form.CURRENCY]: {
    matches: /^[A-Z]{3}$/,
    says: 'must be a currency code of ISO 4217, three upper-case letters, as "EUR"',
  },
};

/** What a string of this form must match; undefined for any string. */
export function patternOf(form: Form): string | undefined {
  return forms[form]?.matches.source;
}

/** The rules that bound one value of the field; for repeated fields and maps, one element. */
export function valueChecks(field: DescField, rules: Rules): ValueCheck[] {
  switch (heldBy(field)) {
    case 'string':
      return [...formChecks(rules), ...lengthChecks(rules, 'characters', codePoints)];
    case 'bytes':
      return lengthChecks(rules, 'bytes', byteLength);
    case 'number':
      return rangeChecks(rules, scalarOf(field));
    case 'bool':
    case 'enum':
    case 'message':
      return [];
  }
}

/** What a repeated field or a map says of its number of elements. */
export function itemsBreach(rules: Rules, items: number): FieldViolation | undefined {
  const { minItems, maxItems } = rules;
  if (items < minItems) {
    const description = `must have at least ${counted(minItems, 'element')}; received ${String(items)}`;
    return { field: '', description, reason: 'MIN_ITEMS' };
  }
  if (maxItems > 0 && items > maxItems) {
    const description = `must have at most ${counted(maxItems, 'element')}; received ${String(items)}; send fewer at a time`;
    return { field: '', description, reason: 'MAX_ITEMS' };
  }
  return undefined;
}

/** The breach of `required`. */
export const missing: FieldViolation = {
  field: '',
  description: 'is required and was not set; give it a value',
  reason: 'REQUIRED',
};

function formChecks({ form, pattern }: Rules): ValueCheck[] {
  const checks: ValueCheck[] = [];
  const named = forms[form];
  if (named !== undefined) checks.push(matching(named.matches, 'FORM', named.says));
  if (pattern !== '') {
    checks.push(matching(compilePattern(pattern), 'PATTERN', `must match ${pattern} as a whole`));
  }
  return checks;
}

function matching(expression: RegExp, reason: string, says: string): ValueCheck {
  return (value, out) => {
    if (typeof value !== 'string' || expression.test(value)) return;
    out.push({ field: '', description: `${says}; received ${quoted(value)}`, reason });
  };
}

/** The length of a value; undefined for what has none. */
type Measure = (value: unknown) => number | undefined;

function lengthChecks({ minLen, maxLen }: Rules, unit: string, lengthOf: Measure): ValueCheck[] {
  const checks: ValueCheck[] = [];
  if (minLen > 0) {
    checks.push((value, out) => {
      const length = lengthOf(value);
      if (length === undefined || length >= minLen) return;
      const description = `must have at least ${String(minLen)} ${unit}; received ${String(length)}${shown(value)}`;
      out.push({ field: '', description, reason: 'MIN_LEN' });
    });
  }
  if (maxLen > 0) {
    checks.push((value, out) => {
      // Code points are never more than UTF-16 units, so most strings need no count.
      if (typeof value === 'string' && value.length <= maxLen) return;
      const length = lengthOf(value);
      if (length === undefined || length <= maxLen) return;
      const description = `must have at most ${String(maxLen)} ${unit}; received ${String(length)}${shown(value)}`;
      out.push({ field: '', description, reason: 'MAX_LEN' });
    });
  }
  return checks;
}

function codePoints(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  let count = 0;
  for (let i = 0; i < value.length; i++) {
    // A pair is two units and one code point; a unit without its other half counts by itself.
    if ((value.codePointAt(i) ?? 0) > 0xffff) i++;
    count++;
  }
  return count;
}

const byteLength: Measure = (value) => (value instanceof Uint8Array ? value.length : undefined);

function rangeChecks({ min, max }: Rules, scalar: ScalarType | undefined): ValueCheck[] {
  const checks: ValueCheck[] = [];
  // Negated comparisons, because NaN is neither below nor above and must not pass.
  if (min !== undefined) {
    const least = isBigint(scalar) ? min : Number(min);
    checks.push((value, out) => {
      if ((typeof value !== 'number' && typeof value !== 'bigint') || value >= least) return;
      const description = `must be at least ${String(min)}; received ${String(value)}`;
      out.push({ field: '', description, reason: 'MIN' });
    });
  }
  if (max !== undefined) {
    const most = isBigint(scalar) ? max : Number(max);
    checks.push((value, out) => {
      if ((typeof value !== 'number' && typeof value !== 'bigint') || value <= most) return;
      const description = `must be at most ${String(max)}; received ${String(value)}`;
      out.push({ field: '', description, reason: 'MAX' });
    });
  }
  return checks;
}

function scalarOf(field: DescField): ScalarType | undefined {
  return field.scalar ?? (field.message === undefined ? undefined : wrappedScalar(field.message));
}

function counted(n: number, what: string): string {
  return `${String(n)} ${what}${n === 1 ? '' : 's'}`;
}

function quoted(text: string): string {
  return text.length <= 40 ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, 40))}…`;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `: ${quoted(value)}` : '';
}
