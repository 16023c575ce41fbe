import { PartitionedTurnTaken, TurnTaken } from '#gen/turns/v1/turns.ts';
import { type Generated, weftImage, z } from '#mesh';
import type { Outgoing } from '../../../mesh/events/bus/bus.ts';
import { subjectOf } from '../../../mesh/events/bus/subject.ts';
import { envelop } from '../bus.ts';

/** How a consumer's processes share its events. */
export const ways = ['one at a time', 'competing', 'partitions'] as const;
export type Way = (typeof ways)[number];

/** What the processes of the consumer write: one row for each turn, in the order of their commits. */
export interface TurnTables {
  turns: { place: Generated<number>; player: string; number: number };
}

export const turnMigrations = [
  {
    name: '001-turns',
    up: 'create table turns (place integer primary key autoincrement, player text, number integer)',
  },
];

export const memberOptions = z.object({
  way: z.enum(ways),
  /** One file for all processes. */
  store: z.string(),
  nats: z.string(),
  /** So many turns fail the first time that they are handled. */
  failures: z.number(),
});
export type MemberOptions = z.infer<typeof memberOptions>;

/** The type of the events that a way hears. */
export function typeOf(way: Way): typeof TurnTaken | typeof PartitionedTurnTaken {
  return way === 'partitions' ? PartitionedTurnTaken : TurnTaken;
}

/** Turns of many players, each player's in order, dealt round. */
export function turnsOf(way: Way, players: number, each: number): Outgoing[] {
  const type = typeOf(way);
  const event = weftImage().event(type.$type);
  if (event === undefined) throw new Error(`${type.$type} is no event`);
  return Array.from({ length: players * each }, (_, n) => {
    const player = `player-${String(n % players)}`;
    const number = 1 + Math.floor(n / players);
    return envelop({
      ...{ type: type.$type, channel: event.channel, key: player },
      subject: subjectOf(event, type.$type, player),
      data: type.encode({ player, number }).finish(),
    });
  });
}
