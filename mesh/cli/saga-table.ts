import type { Timestamp } from '../../gen/google/protobuf/timestamp.ts';
import { type Saga, SagaStatus } from '../../gen/weft/admin/v1/sagas.ts';
import type { FoundSaga } from '../admin/collect-sagas.ts';
import { fromTimestamp } from '../schema/timestamp.ts';
import { timeAgo } from './since.ts';
import { table } from './table.ts';

const longestError = 60;

const statuses: Readonly<Partial<Record<SagaStatus, string>>> = {
  [SagaStatus.RUNNING]: 'running',
  [SagaStatus.COMPENSATING]: 'compensating',
  [SagaStatus.DONE]: 'done',
  [SagaStatus.COMPENSATED]: 'compensated',
  [SagaStatus.STUCK]: 'stuck',
};

/** The text of `weft saga ls`. */
export function sagasTable(sagas: readonly FoundSaga[], nowMs: number): string {
  return table(
    ['ID', 'SERVICE', 'SAGA', 'STATUS', 'STEP', 'STARTED', 'TRIES', 'NEXT', 'LAST ERROR'],
    sagas.map(({ service, saga }) => [
      ...[saga.id, service, saga.name, statusName(saga), saga.step || '-'],
      ...[ago(saga.createdTime, nowMs), String(saga.attempts), next(saga, nowMs), lastError(saga)],
    ]),
  );
}

/** The text of `weft saga show`. */
export function sagaText({ service, saga }: FoundSaga, nowMs: number): string {
  const { failure } = saga;
  const facts: [string, string][] = [
    ['id', saga.id],
    ['saga', `${saga.name}, version ${saga.version}, of ${service}`],
    ['status', statusName(saga)],
    ['step', saga.step],
    ['started', when(saga.createdTime)],
    ['written', when(saga.updatedTime)],
    ['next', saga.dueTime === undefined ? '' : next(saga, nowMs)],
    ['error', saga.lastError],
    [
      'went back',
      failure === undefined ? '' : `${failure.reason} at ${failure.step}: ${failure.message}`,
    ],
  ];
  const history = saga.history.map((entry) => [
    ...[entry.compensation ? `undo ${entry.step}` : entry.step, entry.outcome],
    ...[when(entry.startedTime), took(entry.startedTime, entry.endedTime)],
    ...[entry.attempts === 0 ? '-' : String(entry.attempts), entry.error || '-'],
  ]);
  return [
    facts
      .filter(([, value]) => value !== '')
      .map(([name, value]) => `${name.padEnd(10)} ${value}`)
      .join('\n'),
    table(['STEP', 'OUTCOME', 'BEGAN', 'TOOK', 'TRIES', 'ERROR'], history),
  ].join('\n\n');
}

/** The same for machines: times as text. */
export function sagaJson({ service, saga }: FoundSaga): object {
  return {
    ...{ service, ...saga, status: statusName(saga), dueTime: when(saga.dueTime) },
    ...{ createdTime: when(saga.createdTime), updatedTime: when(saga.updatedTime) },
    history: saga.history.map((entry) => ({
      ...entry,
      ...{ startedTime: when(entry.startedTime), endedTime: when(entry.endedTime) },
    })),
  };
}

function statusName({ status }: Saga): string {
  return statuses[status] ?? 'unknown';
}

/** What it waits for, and how long still. */
function next({ waitsFor, claimed, dueTime }: Saga, nowMs: number): string {
  if (dueTime === undefined) return '-';
  const seconds = Math.max(0, Math.ceil((fromTimestamp(dueTime) - nowMs) / 1000));
  if (waitsFor !== '') return `${waitsFor}, ${seconds} s at most`;
  return claimed ? 'in hand' : `in ${seconds} s`;
}

function lastError({ lastError: error, failure }: Saga): string {
  const text = error || (failure === undefined ? '-' : `${failure.reason}: ${failure.message}`);
  return text.length > longestError ? `${text.slice(0, longestError - 1)}…` : text;
}

function took(started: Timestamp | undefined, ended: Timestamp | undefined): string {
  if (started === undefined || ended === undefined) return '-';
  return `${Math.round(fromTimestamp(ended) - fromTimestamp(started))} ms`;
}

function ago(time: Timestamp | undefined, nowMs: number): string {
  return time === undefined ? '-' : timeAgo(fromTimestamp(time), nowMs);
}

function when(time: Timestamp | undefined): string {
  return time === undefined ? '' : new Date(fromTimestamp(time)).toISOString();
}
