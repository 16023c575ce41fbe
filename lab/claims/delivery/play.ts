/** One build of the delivery, played: nothing wrong, then payouts away, then incentives away. */
import { BonusState, IncentivesServiceDefinition } from '#gen/delivery/incentives/v1/incentives.ts';
import { PayoutsServiceDefinition } from '#gen/delivery/payouts/v1/payouts.ts';
import { SpanKind } from '#gen/weft/admin/v1/admin.ts';
import {
  type Client,
  childTrace,
  collectTrace,
  runInContext,
  systemClock,
  systemRandom,
} from '#mesh';
import { eventually } from '../../../mesh/testing/eventually.ts';
import { median, percentile } from '../../suite/stats.ts';
import type { Effort } from '../experiment.ts';
import { openTroupe, type Troupe } from '../troupe.ts';

export const builds = ['sync', 'events'] as const;
export type Build = (typeof builds)[number];

/** Deliveries, each worth a bonus, in each of the parts. */
export const counts = { full: { calm: 600, away: 60 }, short: { calm: 150, away: 20 } };
const pauseMs = 10;

export interface Played {
  /** Calls between the services that one bonus takes. */
  readonly callsPerBonus: number;
  /** Messages that one delivery sends, bonus and performance. */
  readonly messagesPerBonus: number;
  /** RecordDelivery, in ms. */
  readonly bonusP50Ms: number;
  readonly bonusP99Ms: number;
  /** From the call until the bonus is paid, in ms. */
  readonly paidP50Ms: number;
  /** GetPayout, in ms. */
  readonly payoutP50Ms: number;
  /** Payouts away: what came of the bonuses. */
  readonly away: {
    readonly recorded: number;
    readonly p50Ms: number;
    /** Put into the batch that somebody has to look after. */
    readonly batched: number;
    /** Not paid when payouts was back and nothing moved any more. */
    readonly lost: number;
    /** The same bonuses by calls that nobody waits for. */
    readonly lostByCalls: number;
  };
  /** Incentives away: the share of payouts that were answered. */
  readonly payoutsAnswered: number;
  /** How old the last of these answers said that it was, in ms. */
  readonly answerAgeMs: number;
}

interface Bed {
  readonly troupe: Troupe;
  readonly incentives: Client<IncentivesServiceDefinition>;
  readonly payouts: Client<PayoutsServiceDefinition>;
  readonly env: Readonly<Record<string, string>>;
}

const courierId = 'mercury';
/** Gets the bonuses of calls that nobody waits for. */
const forgotten = 'forgotten';

export async function playBuild(build: Build, effort: Effort): Promise<Played> {
  const troupe = await openTroupe('delivery');
  try {
    const bed: Bed = {
      troupe,
      incentives: troupe.client(IncentivesServiceDefinition),
      payouts: troupe.client(PayoutsServiceDefinition),
      env: { DELIVERY_FLOW: build },
    };
    troupe.start('incentives', bed.env);
    troupe.start('payouts', bed.env);
    const patience = { withinMs: 30_000, everyMs: 50 };
    await eventually(() => deliver(bed, 'first'), patience);
    await eventually(async () => (await paidOf(bed, courierId)).length === 1, patience);
    await eventually(() => bed.payouts.getPayout({ courierId }), patience);
    const { calm, away } = counts[effort];
    await timed(50, (n) => deliver(bed, `warm-${String(n)}`));
    const bonus = await timed(calm, (n) => deliver(bed, `calm-${String(n)}`));
    const payout = await timed(calm, () => bed.payouts.getPayout({ courierId }));
    const paid = await timed(10, (n) => deliverAndSee(bed, `seen-${String(n)}`));
    return {
      ...(await traceOne(bed)),
      ...{ bonusP50Ms: ms(bonus, 0.5), bonusP99Ms: ms(bonus, 0.99) },
      ...{ paidP50Ms: tenths(median(paid)), payoutP50Ms: ms(payout, 0.5) },
      away: await withoutPayouts(bed, away),
      ...(await withoutIncentives(bed, away)),
    };
  } finally {
    await troupe.close();
  }
}

async function deliver({ incentives }: Bed, deliveryId: string): Promise<BonusState> {
  const delivery = { deliveryId, courierId, minutes: 20 };
  return (await incentives.recordDelivery(delivery)).bonusState;
}

async function paidOf({ payouts }: Bed, courier: string): Promise<readonly string[]> {
  const { bonuses } = await payouts.listBonuses({ courierId: courier });
  return bonuses.map(({ bonusId }) => bonusId);
}

async function deliverAndSee(bed: Bed, deliveryId: string): Promise<void> {
  await deliver(bed, deliveryId);
  await eventually(async () => (await paidOf(bed, courierId)).includes(deliveryId), {
    ...{ withinMs: 10_000, everyMs: 2 },
  });
}

/** Does it again and again, a pause between; gives how long each one took, in ms. */
async function timed(count: number, work: (n: number) => Promise<unknown>): Promise<number[]> {
  const took: number[] = [];
  for (let n = 0; n < count; n++) {
    const begin = systemClock.monotonic();
    await work(n);
    took.push(systemClock.monotonic() - begin);
    await systemClock.sleep(pauseMs);
  }
  return took;
}

/** What one bonus takes, as the services recorded it. */
async function traceOne(bed: Bed): Promise<Pick<Played, 'callsPerBonus' | 'messagesPerBonus'>> {
  const trace = childTrace(undefined, systemRandom);
  await runInContext({ trace }, () => deliverAndSee(bed, 'traced'));
  const spans = await collectTrace({
    ...{ traceId: trace.traceId, services: ['incentives', 'payouts'], clock: systemClock },
    resolver: bed.troupe.resolver,
  });
  // Only what incentives did: looking whether it is paid belongs to the experiment.
  const mine = spans.filter(({ service }) => service === 'incentives');
  const count = (kind: SpanKind): number => mine.filter((span) => span.kind === kind).length;
  return {
    callsPerBonus: count(SpanKind.CLIENT),
    messagesPerBonus: count(SpanKind.PRODUCER),
  };
}

async function withoutPayouts(bed: Bed, many: number): Promise<Played['away']> {
  const { troupe, incentives, payouts } = bed;
  await troupe.stop('payouts');
  const recorded: string[] = [];
  let batched = 0;
  const calls: Promise<unknown>[] = [];
  const took = await timed(many, async (n) => {
    const id = `away-${String(n)}`;
    // Nobody waits for this one: whether it arrives is found out at the end.
    const bonus = { bonusId: `forgotten-${String(n)}`, courierId: forgotten, cents: 150 };
    calls.push(payouts.payBonus(bonus).catch(() => undefined));
    if ((await deliver(bed, id)) === BonusState.BATCHED) batched++;
    recorded.push(id);
  });
  await Promise.all(calls);
  troupe.start('payouts', bed.env);
  const missing = async (): Promise<number> => {
    const known = new Set(await paidOf(bed, courierId));
    return recorded.filter((id) => !known.has(id)).length;
  };
  await eventually(async () => (await missing()) === 0, {
    ...{ withinMs: 40_000, everyMs: 100 },
  }).catch(() => undefined);
  await eventually(async () => (await incentives.getUnpaid({})).bonuses === 0, {
    ...{ withinMs: 20_000, everyMs: 100 },
  }).catch(() => undefined);
  return {
    ...{ recorded: recorded.length, p50Ms: ms(took, 0.5), batched, lost: await missing() },
    lostByCalls: many - (await paidOf(bed, forgotten)).length,
  };
}

async function withoutIncentives(
  { troupe, payouts }: Bed,
  many: number,
): Promise<Pick<Played, 'payoutsAnswered' | 'answerAgeMs'>> {
  await troupe.stop('incentives');
  let [answered, ageMs] = [0, 0];
  await timed(many, async () => {
    const answer = await payouts.getPayout({ courierId }).catch(() => undefined);
    if (answer === undefined) return;
    answered++;
    ageMs = Number(answer.ageMs);
  });
  return { payoutsAnswered: answered / many, answerAgeMs: ageMs };
}

function ms(values: readonly number[], share: number): number {
  return tenths(percentile(values, share));
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
