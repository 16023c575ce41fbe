/**
 * "What if there is no coke; payment fails; DrinkDispensed comes before PaymentCompleted; a service does not
 * answer; an event comes twice; an event is lost?": each is done to services/vending, over real processes, and the
 * books of machine, cashier and dispenser are held against each other.
 */
import { openVendingGround } from '../../mesh/testing/vending-ground.ts';
import { type Outcome, playScenario, scenarios } from '../../services/vending/scenarios.ts';
import { type Claim, sources } from './claim.ts';
import { markdownTable } from './document.ts';
import type { Experiment } from './experiment.ts';

const rounds = { full: 5, short: 1 };

export const vending: Experiment = {
  name: 'vending',
  async run(say, effort) {
    const outcomes: Outcome[] = [];
    const ground = await openVendingGround();
    try {
      for (let round = 1; round <= rounds[effort]; round++) {
        for (const scenario of scenarios) {
          say(scenario.name);
          outcomes.push(await playScenario(ground, scenario, String(round)));
        }
      }
    } finally {
      await ground.close();
    }
    const errors = outcomes.flatMap((outcome) => outcome.errors);
    return {
      claims: claimsOf(outcomes, errors),
      bars: [
        { name: 'vending-ledger-error', value: errors.length, op: '<=', bar: 0, unit: 'errors' },
      ],
      data: outcomes,
      charts: {},
      tables: { vending: table(outcomes) },
    };
  },
};

function claimsOf(outcomes: readonly Outcome[], errors: readonly string[]): readonly Claim[] {
  const source = sources.distributed;
  const plays = String(outcomes.length);
  const named = (name: string): Outcome[] => outcomes.filter((outcome) => outcome.name === name);
  const holds = (some: readonly Outcome[]): boolean =>
    some.every((each) => each.errors.length === 0);
  const twice = named('PaymentCompleted comes twice');
  const two = named('two drinks are paid');
  return [
    {
      claim: 'A saga of events, kept as what happened, gives the integrity of a transaction.',
      ...{ source, held: errors.length === 0 },
      setup: `Machine, cashier and dispenser as processes; ${plays} plays of ${String(scenarios.length)} scenarios: refusals, loss, repeats, disorder, silence.`,
      result: `${String(errors.length)} cents, cans or sales are not where they should be.`,
    },
    {
      claim: 'Two drinks that are paid are not one payment that is seen twice.',
      ...{ source, held: holds([...twice, ...two]) },
      setup:
        'PaymentCompleted of one sale comes again as another message, twice; then two sales that are alike but for their ids.',
      result: `The sale of the repeated payment has one drink, two sales have two: ${holds(twice) && holds(two) ? 'in every play' : 'not in every play'}.`,
    },
  ];
}

function table(outcomes: readonly Outcome[]): string {
  return markdownTable(
    [
      'what happens',
      'plays',
      'done',
      'cancelled and given back',
      'written off',
      'errors in the books',
    ],
    scenarios.map(({ name }) => {
      const mine = outcomes.filter((outcome) => outcome.name === name);
      const ends = mine.flatMap((outcome) => outcome.ends);
      const count = (end: string): number => ends.filter((each) => each === end).length;
      const errors = mine.reduce((sum, outcome) => sum + outcome.errors.length, 0);
      const ended = [count('done'), count('settled'), count('written off')];
      return [name, mine.length, ...ended, errors];
    }),
  );
}
