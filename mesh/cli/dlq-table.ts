import type { Timestamp } from '../../gen/google/protobuf/timestamp.ts';
import type { DeadLetter, GetDeadLetterResponse } from '../../gen/weft/admin/v1/dead_letters.ts';
import { type Found, stateName } from '../admin/collect-letters.ts';
import { fromTimestamp } from '../schema/timestamp.ts';
import { timeAgo } from './since.ts';
import { table } from './table.ts';

const longestError = 60;

/** The text of `weft dlq ls`. */
export function lettersTable(
  letters: readonly Found<DeadLetter>[],
  { replayed, nowMs }: { readonly replayed: boolean; readonly nowMs: number },
): string {
  const headings = ['ID', 'SERVICE', 'CONSUMER', 'TYPE', 'KEY', 'DIED', 'FAILURES'];
  const cells = ({ service, letter }: Found<DeadLetter>): string[] => [
    ...[letter.id, service, letter.consumer, lastPart(letter.type) || '-', keyOf(letter)],
    ...[ago(letter.diedTime, nowMs), String(letter.failures)],
    ...(replayed ? [stateName(letter.state)] : []),
    lastError(letter),
  ];
  return table([...headings, ...(replayed ? ['STATE'] : []), 'LAST ERROR'], letters.map(cells));
}

/** The text of `weft dlq show`. */
export function letterText({ service, letter: found }: Found<GetDeadLetterResponse>): string {
  const { letter, headers } = found;
  if (letter === undefined) return '';
  const parts = [
    facts(service, letter)
      .map(([name, value]) => `${name.padEnd(10)} ${value}`)
      .join('\n'),
    table(
      ['FAILED AT', 'DELIVERY', 'STATUS', 'REASON', 'MESSAGE'],
      letter.lastFailures.map(cellsOf),
    ),
    Object.entries(headers)
      .map(([name, value]) => `${name}: ${visible(value)}`)
      .join('\n'),
    body(found),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

/** The same for machines: times as text, the body as JSON where the schema knows it. */
export function letterJson({
  service,
  letter: found,
}: Found<DeadLetter | GetDeadLetterResponse>): object {
  if (!('payload' in found)) return { service, ...plain(found) };
  const { letter, headers, payload, payloadJson } = found;
  const read: unknown = payloadJson === '' ? undefined : JSON.parse(payloadJson);
  return {
    ...{ service, ...(letter && plain(letter)), headers },
    ...{ payload: Buffer.from(payload).toString('base64'), payloadJson: read },
  };
}

function plain(letter: DeadLetter): object {
  const { publishedTime, firstFailedTime, diedTime, replayedTime, lastFailures } = letter;
  return {
    ...letter,
    state: stateName(letter.state),
    sequence: Number(letter.sequence),
    ...{ publishedTime: when(publishedTime), firstFailedTime: when(firstFailedTime) },
    ...{ diedTime: when(diedTime), replayedTime: when(replayedTime) },
    lastFailures: lastFailures.map((failure) => ({ ...failure, time: when(failure.time) })),
  };
}

/** Headers are foreign: what would move the cursor of a terminal is shown, not obeyed. */
function visible(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (char) => encodeURIComponent(char));
}

function facts(service: string, letter: DeadLetter): [name: string, value: string][] {
  const { id, consumer, type, eventId, source, key, traceId, failures, replays } = letter;
  const { channel, subject, sequence } = letter;
  const rows: [string, string | undefined][] = [
    ['id', id],
    ['state', stateName(letter.state)],
    ['consumer', consumer === service ? consumer : `${consumer}, of ${service}`],
    ['type', type],
    ['event', source === '' ? eventId : `${eventId}, from ${source}`],
    [
      'key',
      letter.keyWaits === undefined ? key : `${keyOf(letter)} until this is replayed or dropped`,
    ],
    ['published', when(letter.publishedTime)],
    ['trace', traceId],
    ['place', `${sequence} in ${channel}, on ${subject}`],
    [
      'failed',
      `${failures === 1 ? 'once' : `${failures} times`}, first ${when(letter.firstFailedTime) ?? '-'}`,
    ],
    ['died', when(letter.diedTime)],
    [
      'replayed',
      replays === 0
        ? undefined
        : `${replays === 1 ? 'once' : `${replays} times`}, last ${when(letter.replayedTime) ?? '-'}`,
    ],
  ];
  return rows.flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, value]],
  );
}

function cellsOf(failure: DeadLetter['lastFailures'][number]): string[] {
  const { time, delivery, status, reason, message } = failure;
  return [when(time) ?? '-', String(delivery), status, reason || '-', message];
}

function body({ payload, payloadJson, letter }: GetDeadLetterResponse): string {
  if (payloadJson !== '') return payloadJson;
  if (payload.length === 0) return '';
  const what = letter?.type ? `cannot be read as ${letter.type}` : 'says no type';
  return `${payload.length} bytes, which ${what}, in base64:\n${Buffer.from(payload).toString('base64')}`;
}

/** The key, and whether it stands still for this letter. */
function keyOf({ key, keyWaits }: DeadLetter): string {
  return keyWaits === undefined ? key || '-' : `${key || '-'} (stopped, ${keyWaits} wait)`;
}

function lastError({ lastFailures }: DeadLetter): string {
  const last = lastFailures.at(-1);
  if (last === undefined) return '-';
  const text = `${last.reason || last.status}: ${last.message}`;
  return text.length > longestError ? `${text.slice(0, longestError - 1)}…` : text;
}

function lastPart(type: string): string {
  return type.slice(type.lastIndexOf('.') + 1);
}

function ago(time: Timestamp | undefined, nowMs: number): string {
  return time === undefined ? '-' : timeAgo(fromTimestamp(time), nowMs);
}

function when(time: Timestamp | undefined): string | undefined {
  return time === undefined ? undefined : new Date(fromTimestamp(time)).toISOString();
}
