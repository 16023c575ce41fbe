import type { DeadLetter } from '../../../gen/weft/admin/v1/dead_letters.ts';
import { SagaStatus } from '../../../gen/weft/admin/v1/sagas.ts';
import type { Found } from '../../admin/collect-letters.ts';
import type { FoundSaga } from '../../admin/collect-sagas.ts';
import type { ConsumerRow, PublisherRow } from '../../admin/mesh-events.ts';
import { countsText, maybe, ms, rate } from '../../admin/words.ts';
import type { ChannelBacklog } from '../../events/bus/backlog.ts';
import { fromTimestamp } from '../../schema/timestamp.ts';
import { type Html, html, type Value } from '../html.ts';
import { lastPart, mark, since } from './marks.ts';
import { table } from './tables.ts';

export interface EventsParts {
  readonly nowMs: number;
  readonly publishers: readonly PublisherRow[];
  readonly consumers: readonly ConsumerRow[];
  readonly channels: readonly ChannelBacklog[];
  readonly letters: readonly Found<DeadLetter>[];
  readonly moreLetters: boolean;
  readonly sagas: readonly FoundSaga[];
}

/** What is published and heard, what waits, and what nobody could handle. */
export function eventsView(parts: EventsParts): Html {
  return html`${publishersTable(parts)}${consumersTable(parts)}${lettersTable(parts)}${sagasTable(parts)}`;
}

function publishersTable({ publishers }: EventsParts): Html {
  return table(
    'Publishers',
    [['Publisher'], ['Published/s', 'figures'], ['Waiting in the outbox', 'figures'], ['Relay']],
    publishers.map(({ service, publishedPerSecond, outboxUnsent, relays }) => ({
      cells: [service, rate(publishedPerSecond), outboxUnsent, countsText(relays)],
    })),
    'No service speaks events.',
  );
}

function consumersTable({ consumers, channels }: EventsParts): Html {
  return table(
    'Consumers',
    [
      ...([['Consumer'], ['Hears'], ['State'], ['Handled/s', 'figures']] as const),
      ...([
        ['Delay p50', 'figures'],
        ['p99', 'figures'],
        ['Lag', 'figures'],
      ] as const),
      ...([
        ['In hand', 'figures'],
        ['Parked', 'figures'],
        ['Dead letters', 'figures'],
      ] as const),
    ],
    consumers.map((row) => ({
      cells: consumerCells(row, channels),
      ...(row.deadLetters > 0 && { tone: 'uneasy' }),
    })),
    'No service hears events.',
  );
}

function consumerCells(row: ConsumerRow, channels: readonly ChannelBacklog[]): Value[] {
  const { service, consumer } = row;
  const heard = channels.flatMap(({ channel, consumers }) =>
    consumers.filter((each) => each.consumer === consumer).map((each) => ({ channel, ...each })),
  );
  const sum = (of: 'pending' | 'unacked'): Value =>
    heard.length === 0 ? '-' : heard.reduce((total, each) => total + each[of], 0);
  return [
    consumer === service ? consumer : `${consumer} of ${service}`,
    heard.map(({ channel }) => channel).join(', ') || '-',
    ...[countsText(row.states), rate(row.handledPerSecond)],
    ...[maybe(ms, row.delayP50Ms), maybe(ms, row.delayP99Ms)],
    ...[sum('pending'), sum('unacked'), row.parked, row.deadLetters],
  ];
}

const longest = 160;

function lettersTable({ letters, moreLetters, nowMs }: EventsParts): Html {
  const shown = table(
    'Dead letters that wait for a person',
    [
      ...([['Letter'], ['Service'], ['Event'], ['Key'], ['Died', 'figures']] as const),
      ...([['Failures', 'figures'], ['Last error']] as const),
    ],
    letters.map(({ service, letter }) => {
      const last = letter.lastFailures.at(-1);
      const error = last === undefined ? '-' : `${last.reason || last.status}: ${last.message}`;
      return {
        cells: [
          html`<code>${letter.id}</code>`,
          ...[service, lastPart(letter.type) || '-', letter.key || '-'],
          letter.diedTime === undefined
            ? '-'
            : `${since(fromTimestamp(letter.diedTime), nowMs)} ago`,
          letter.failures,
          error.slice(0, longest),
        ],
        tone: 'uneasy',
      };
    }),
    'No dead letters.',
  );
  return html`${shown}${letters.length > 0 && html`<p class="small">${moreLetters && 'There are older ones. '}<code>weft dlq show &lt;id&gt;</code> shows one whole, <code>replay</code> gives it back, <code>drop</code> forgets it.</p>`}`;
}

const statuses: Readonly<Record<number, string>> = {
  [SagaStatus.RUNNING]: 'running',
  [SagaStatus.COMPENSATING]: 'compensating',
  [SagaStatus.STUCK]: 'stuck',
};

function sagasTable({ sagas, nowMs }: EventsParts): Html {
  const shown = table(
    'Sagas that are stuck or under way',
    [
      ...([['Saga'], ['State'], ['Of'], ['Step'], ['Tries', 'figures']] as const),
      ...([['Waits for'], ['Since', 'figures'], ['Last error']] as const),
    ],
    sagas.map(({ service, saga }) => {
      const stuck = saga.status === SagaStatus.STUCK;
      const since_ = saga.updatedTime && since(fromTimestamp(saga.updatedTime), nowMs);
      return {
        cells: [
          html`<code>${saga.id}</code>`,
          stuck ? html`${mark('failing')} stuck` : (statuses[saga.status] ?? '?'),
          ...[`${saga.name} of ${service}`, saga.step || '-', saga.attempts, saga.waitsFor || '-'],
          ...[since_ ?? '-', saga.lastError.slice(0, longest) || '-'],
        ],
        ...(stuck && { tone: 'failing' }),
      };
    }),
    'No saga is stuck or under way.',
  );
  const help = html`<p class="small"><code>weft saga show &lt;id&gt;</code> tells its story; <code>retry</code>, <code>skip</code> and <code>compensate</code> move it on.</p>`;
  return html`${shown}${sagas.length > 0 && help}`;
}
