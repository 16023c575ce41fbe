import { checkServiceName } from '../../kernel/names.ts';
import type { Reference } from './entry.ts';
import { EntryFault } from './fault.ts';

/** The fields of an entry, or of a part of it. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether a value says anything: Consul answers with the zero of a field as well as without it. */
function said(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return false;
  if (value === 0 || value === '0s') return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

export function textAt(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (!said(value)) return undefined;
  if (typeof value === 'string') return value;
  throw new EntryFault(`${name} is no text`);
}

export function partAt(fields: Fields, name: string): Fields | undefined {
  const value = fields[name];
  if (!said(value)) return undefined;
  if (typeof value === 'object' && !Array.isArray(value)) return value as Fields;
  throw new EntryFault(`${name} is no object`);
}

export function partsAt(fields: Fields, name: string): readonly Fields[] {
  const value = fields[name];
  if (!said(value)) return [];
  if (!Array.isArray(value)) throw new EntryFault(`${name} is no list`);
  return value.map((each: unknown) => {
    if (typeof each === 'object' && each !== null) return each as Fields;
    throw new EntryFault(`${name} holds what is no object`);
  });
}

/** A Go duration, as "1.5s" or "1m30s", in ms. */
export function durationAt(fields: Fields, name: string): number | undefined {
  const text = textAt(fields, name);
  if (text === undefined) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|us|µs|ns|h|m|s)/g)];
  const length = parts.reduce((sum, [part]) => sum + part.length, 0);
  if (length !== text.length || parts.length === 0) {
    throw new EntryFault(`${name} is ${JSON.stringify(text)}, which is no duration as "1500ms"`);
  }
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitMs[unit ?? ''] ?? 0), 0);
}

const unitMs: Readonly<Record<string, number>> = {
  ...{ h: 3_600_000, m: 60_000, s: 1_000, ms: 1 },
  ...{ us: 1e-3, µs: 1e-3, ns: 1e-6 },
};

/** The service and subset that a part names. Throws for another datacenter: weft sees its own only. */
export function referenceAt(fields: Fields): Reference {
  const elsewhere = elsewhereOf(fields);
  if (elsewhere !== undefined) throw new EntryFault(`${elsewhere} is another mesh to weft`);
  const service = textAt(fields, 'Service');
  if (service !== undefined) checkName(service);
  return { service, subset: textAt(fields, 'ServiceSubset') };
}

/** The field of a part that leads out of this datacenter, with its value. */
export function elsewhereOf(fields: Fields): string | undefined {
  const plain = ['Datacenter', 'Datacenters', 'Peer', 'SamenessGroup'];
  const name =
    plain.find((each) => said(fields[each])) ??
    ['Namespace', 'Partition'].find((each) => said(fields[each]) && fields[each] !== 'default');
  return name && `${name} ${JSON.stringify(fields[name])}`;
}

function checkName(service: string): void {
  try {
    checkServiceName(service);
  } catch {
    throw new EntryFault(`${JSON.stringify(service)} is not the name of a service`);
  }
}

/** Tells of the fields that say something and are not among `known`. */
export function tellUnknown(
  fields: Fields,
  known: readonly string[],
  ignored: (what: string) => void,
): void {
  for (const [name, value] of Object.entries(fields)) {
    if (!known.includes(name) && said(value)) ignored(name);
  }
}

/** What every entry has beside what it says. */
export const common = [
  ...['Kind', 'Name', 'Namespace', 'Partition', 'Meta', 'CreateIndex', 'ModifyIndex', 'Hash'],
];
