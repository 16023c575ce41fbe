/**
 * The delivery's demo: a bonus is earned and paid, then each of the two services is away in turn. Tells of whichever
 * build runs: `make demo STORY=delivery`, or with DELIVERY_FLOW=sync after a `make down`.
 */
import { BonusState, IncentivesServiceDefinition } from '#gen/delivery/incentives/v1/incentives.ts';
import { PayoutsServiceDefinition, PerformanceSource } from '#gen/delivery/payouts/v1/payouts.ts';
import { MeshError } from '#mesh';
import { play } from '../../stage/stage.ts';

await play('delivery', async ({ say, client, until, weft, draw, traced, random }) => {
  const incentives = client(IncentivesServiceDefinition);
  const payouts = client(PayoutsServiceDefinition);
  const courierId = `courier-${random.hex(4)}`;
  let deliveries = 0;

  /** One delivery in time; tells what became of its bonus. */
  const deliver = () => {
    const deliveryId = `${courierId}-${String(++deliveries)}`;
    return incentives.recordDelivery({ deliveryId, courierId, minutes: 25 });
  };
  const payout = async (): Promise<string> => {
    try {
      const answer = await payouts.getPayout({ courierId });
      const { deliveryCents, bonusCents, source, ageMs } = answer;
      const asked = source === PerformanceSource.ASKED;
      const from = asked ? 'incentives was asked' : `from its copy, ${String(ageMs)} ms old`;
      return `${String(deliveryCents)} for deliveries, ${String(bonusCents)} of bonuses (${from})`;
    } catch (thrown) {
      return MeshError.from(thrown).message;
    }
  };
  const bonuses = async (): Promise<number> =>
    (await payouts.listBonuses({ courierId })).bonuses.length;
  const arePaid = (): Promise<void> =>
    until('the bonuses are paid', async () => (await bonuses()) === deliveries);

  say.chapter('1. A delivery in time earns a bonus');
  const { result, traceId } = await traced(deliver);
  const byEvents = result.bonusState === BonusState.ANNOUNCED;
  say.line(`incentives answered: the bonus is ${stateText(result.bonusState)}`);
  await arePaid();
  await draw(traceId, { consumed: byEvents ? 2 : 0 });
  say.line(`payouts answered: ${await payout()}`);

  say.chapter('2. Payouts is away');
  await weft('stop', 'payouts');
  for (let i = 0; i < 3; i++) {
    say.line(`incentives answered: the bonus is ${stateText((await deliver()).bonusState)}`);
  }
  const { bonuses: waiting } = await incentives.getUnpaid({});
  say.line(byEvents ? 'the stream keeps them' : `${String(waiting)} wait in the batch`);
  await weft('start', 'payouts');
  await arePaid();
  say.line(`payouts is back: ${String(await bonuses())} bonuses, each paid once`);

  say.chapter('3. Incentives is away');
  await weft('stop', 'incentives');
  say.line(`payouts answered: ${await payout()}`);
  await weft('start', 'incentives');
  await until('incentives is back', async () => (await incentives.getUnpaid({})).bonuses === 0);
  say.line(`incentives is back, and payouts answers: ${await payout()}`);
});

function stateText(state: BonusState): string {
  const entry = Object.entries(BonusState).find(([, value]) => value === state);
  return entry?.[0].toLowerCase() ?? 'unknown';
}
