/**
 * What can go wrong at a vending machine, each with its proper end. Played over real processes by
 * vending.slow.test.ts and by lab/claims; each scenario has a machine of its own.
 */
import { PaymentStatus } from '#gen/vending/cashier/v1/cashier.ts';
import { SaleStatus } from '#gen/vending/machine/v1/machine.ts';
import { MeshError } from '#mesh';
import {
  type End,
  endOf,
  type Ground,
  ledgerErrors,
  until,
  type VendingService,
} from './ground.ts';

export interface Scenario {
  readonly name: string;
  /** The ends that its sales may have, each. */
  readonly ends: readonly (readonly End[])[];
  /** Plays it with these sales; they come to their end by themselves afterwards. */
  play(ground: Ground, at: At): Promise<void>;
}

/** The machine of a scenario, with two colas in it, and its sales. */
export interface At {
  readonly machineId: string;
  readonly sales: readonly [string, string];
}

const done: readonly End[] = ['done'];
const settled: readonly End[] = ['settled'];
const writtenOff: readonly End[] = ['written off'];

const calm: Scenario = {
  name: 'nothing goes wrong',
  ends: [done],
  async play(ground, at) {
    await select(ground, at);
    await pay(ground, at);
  },
};

const soldOut: Scenario = {
  name: 'there is no coke',
  ends: [done, done, settled],
  async play(ground, { machineId, sales }) {
    for (const saleId of [...sales, third(sales)]) {
      await select(ground, { machineId, saleId });
      // The third may be cancelled before it is paid; if not, it is paid and given back.
      await pay(ground, { machineId, saleId }).catch(unlessRefused);
      await endOf(ground, saleId);
    }
  },
};

const declined: Scenario = {
  name: 'the payment is refused',
  ends: [settled],
  async play(ground, at) {
    await select(ground, at);
    await pay(ground, at, 'tok_declined').catch(unlessRefused);
  },
};

const stuck: Scenario = {
  name: 'the can is stuck after it was paid',
  ends: [settled],
  async play(ground, at) {
    await select(ground, at);
    await ground.dispenser.setJammed({ machineId: at.machineId, jammed: true });
    await pay(ground, at);
  },
};

const early: Scenario = {
  name: 'DrinkDispensed comes before PaymentCompleted',
  ends: [done],
  async play(ground, at) {
    await dropEarly(ground, at);
    await pay(ground, at);
  },
};

const neverPaid: Scenario = {
  name: 'the can drops, and nobody ever pays',
  ends: [writtenOff],
  async play(ground, at) {
    await dropEarly(ground, at);
    await giveUp(ground, at);
    // Who comes with money now is late: it is not taken.
    const late = await ground.cashier.charge(coins(at));
    if (late.payment?.status === PaymentStatus.COMPLETED) throw new Error('paid after all');
  },
};

const declinedEarly: Scenario = {
  name: 'the can drops, and then the payment is refused',
  ends: [writtenOff],
  async play(ground, at) {
    await dropEarly(ground, at);
    await pay(ground, at, 'tok_declined').catch(unlessRefused);
  },
};

const repeated: Scenario = {
  name: 'PaymentCompleted comes twice',
  ends: [done, done],
  async play(ground, at) {
    await select(ground, at);
    await pay(ground, at);
    await pay(ground, at);
    await endOf(ground, at.sales[0]);
    await ground.repeatPayment(at.machineId);
    await ground.repeatPayment(at.machineId);
    // A sale after them: when it is through, they were heard.
    const second = { machineId: at.machineId, saleId: at.sales[1] };
    await select(ground, second);
    await pay(ground, second);
  },
};

const two: Scenario = {
  name: 'two drinks are paid',
  ends: [done, done],
  async play(ground, { machineId, sales }) {
    for (const saleId of sales) {
      await select(ground, { machineId, saleId });
      await pay(ground, { machineId, saleId });
      await endOf(ground, saleId);
    }
  },
};

const lost: Scenario = {
  name: 'an event is lost',
  ends: [done],
  async play(ground, at) {
    await select(ground, at);
    // Whoever would hear it is away; when they are back, it is gone.
    await Promise.all([ground.kill('machine'), ground.kill('dispenser')]);
    await ground.cashier.charge(coins(at));
    await until(ground, () => ground.losePayment(at.machineId).then(yes, no));
    ground.start('dispenser');
    ground.start('machine');
  },
};

const silentDispenser: Scenario = {
  name: 'the dispenser does not answer',
  ends: [done],
  async play(ground, at) {
    await select(ground, at);
    const thaw = await ground.freeze('dispenser');
    try {
      await pay(ground, at);
      await until(ground, async () => {
        const { sale } = await ground.machine.getSale({ saleId: at.sales[0] });
        return sale?.status === SaleStatus.PAID;
      });
    } finally {
      thaw();
    }
  },
};

const silentCashier: Scenario = {
  name: 'the cashier does not answer',
  ends: [done],
  async play(ground, at) {
    await select(ground, at);
    await ground.kill('cashier');
    // Nobody knows whether that was a payment; it is asked again as the same one.
    await pay(ground, at).catch(() => undefined);
    ground.start('cashier');
    await until(ground, () => pay(ground, at).then(yes));
  },
};

const unpaid: Scenario = {
  name: 'nobody pays, and the sale is given up',
  ends: [settled],
  async play(ground, at) {
    await select(ground, at);
    await giveUp(ground, at);
  },
};

const lateDispenser: Scenario = {
  name: 'the dispenser is away until the sale is given up',
  // Whichever the dispenser hears first: that it is paid, or that it is too late.
  ends: [['done', 'settled']],
  async play(ground, at) {
    await select(ground, at);
    await ground.kill('dispenser');
    await pay(ground, at);
    await giveUp(ground, at, 'dispenser');
  },
};

export const scenarios: readonly Scenario[] = [
  calm,
  soldOut,
  declined,
  stuck,
  early,
  neverPaid,
  declinedEarly,
  repeated,
  two,
  lost,
  silentDispenser,
  silentCashier,
  unpaid,
  lateDispenser,
];

/** What was seen of a scenario: the ends of its sales, and what does not add up. */
export interface Outcome {
  readonly name: string;
  readonly ends: readonly End[];
  /** An end that is not the proper one counts as an error of the ledger. */
  readonly errors: readonly string[];
}

/** Plays a scenario with a machine of its own to its end. `run` parts one play from another. */
export async function playScenario(
  ground: Ground,
  scenario: Scenario,
  run: string,
): Promise<Outcome> {
  const { name } = scenario;
  const machineId = `${name.replaceAll(/[^A-Za-z]+/g, '-').slice(0, 40)}-${run}`;
  const sales = [`${machineId}-1`, `${machineId}-2`] as const;
  const { dispenser } = ground;
  const load = { machineId, itemId: 'cola', cans: 2, loadId: machineId };
  await until(ground, () => dispenser.load(load).then(yes));
  await scenario.play(ground, { machineId, sales });
  const played = [...sales, third(sales)].slice(0, scenario.ends.length);
  const ends: End[] = [];
  for (const saleId of played) ends.push(await endOf(ground, saleId));
  const wrong = ends.flatMap((end, i) =>
    scenario.ends[i]?.includes(end) === true ? [] : [`${played[i] ?? ''} ended as ${end}`],
  );
  const errors = [...wrong, ...(await ledgerErrors(ground, machineId, played))];
  return { name, ends, errors };
}

type Sale = At | { readonly machineId: string; readonly saleId: string };

function saleOf(at: Sale): { machineId: string; saleId: string } {
  return { machineId: at.machineId, saleId: 'saleId' in at ? at.saleId : at.sales[0] };
}

/** Again until it is heard: an earlier scenario may have left a service that is just starting. */
async function select(ground: Ground, at: Sale): Promise<void> {
  const item = { ...saleOf(at), itemId: 'cola' };
  await until(ground, () => ground.machine.selectItem(item).then(yes));
}

/** The can drops by itself: the machine hears of it while nobody has paid. */
async function dropEarly(ground: Ground, at: At): Promise<void> {
  const id = saleOf(at);
  await select(ground, at);
  await ground.dispenser.dispense({ ...id, itemId: 'cola' });
  await until(ground, async () => {
    const { sale } = await ground.machine.getSale({ saleId: id.saleId });
    return sale?.status === SaleStatus.EARLY;
  });
}

/** A machine with little patience gives the sale up; then the patient one is back. */
async function giveUp(ground: Ground, at: At, comesBack?: VendingService): Promise<void> {
  await ground.kill('machine');
  ground.start('machine', { GIVE_UP_MS: '300' });
  if (comesBack !== undefined) ground.start(comesBack);
  await endOf(ground, at.sales[0]);
  await ground.kill('machine');
  ground.start('machine');
}

function coins(at: At) {
  return { ...saleOf(at), itemId: 'cola', priceCents: 180, cents: 200, card: '' };
}

async function pay({ machine }: Ground, at: Sale, card = ''): Promise<void> {
  await machine.pay({ ...saleOf(at), cents: 200, card });
}

function third([first]: At['sales']): string {
  return `${first}-3`;
}

function unlessRefused(thrown: unknown): void {
  if (MeshError.from(thrown).status !== 'FAILED_PRECONDITION') throw thrown;
}

const yes = (): boolean => true;
const no = (): boolean => false;
