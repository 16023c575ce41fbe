/** Where the scenarios of the vending machines are played: the services, and what may be done to them. */
import type { CashierServiceDefinition } from '#gen/vending/cashier/v1/cashier.ts';
import type { DispenserServiceDefinition } from '#gen/vending/dispenser/v1/dispenser.ts';
import { type MachineServiceDefinition, SaleStatus } from '#gen/vending/machine/v1/machine.ts';
import { type Client, type Clock, MeshError } from '#mesh';
import { type Books, errorsIn } from './books.ts';

export type VendingService = 'machine' | 'cashier' | 'dispenser';

export interface Ground {
  readonly machine: Client<MachineServiceDefinition>;
  readonly cashier: Client<CashierServiceDefinition>;
  readonly dispenser: Client<DispenserServiceDefinition>;
  readonly clock: Clock;
  /** kill -9. */
  kill(service: VendingService): Promise<void>;
  /** Starts what was killed, with these variables. */
  start(service: VendingService, env?: Readonly<Record<string, string>>): void;
  /** It is alive and says nothing; what is given lets it go on. */
  freeze(service: VendingService): Promise<() => void>;
  /** The news of this machine's last payment is gone; who has not heard it never will. */
  losePayment(machineId: string): Promise<void>;
  /** The news of this machine's last payment comes again, as another message. */
  repeatPayment(machineId: string): Promise<void>;
}

/** Asks until the answer is yes, for at most a minute. Who is away has not said yes. */
export async function until(
  { clock }: Pick<Ground, 'clock'>,
  probe: () => Promise<boolean>,
): Promise<void> {
  const end = clock.monotonic() + 60_000;
  for (;;) {
    const yes = await probe().catch((thrown: unknown) => {
      if (clock.monotonic() > end || !isAway(thrown)) throw thrown;
      return false;
    });
    if (yes) return;
    if (clock.monotonic() > end) {
      throw new MeshError('not seen within a minute', { status: 'DEADLINE_EXCEEDED' });
    }
    await clock.sleep(50);
  }
}

function isAway(thrown: unknown): boolean {
  const { status } = MeshError.from(thrown);
  return status === 'UNAVAILABLE' || status === 'DEADLINE_EXCEEDED';
}

/** How a sale can end. */
export type End = 'done' | 'settled' | 'written off';

const ends: ReadonlyMap<SaleStatus | undefined, End> = new Map([
  [SaleStatus.DONE, 'done'],
  [SaleStatus.SETTLED, 'settled'],
  [SaleStatus.WRITTEN_OFF, 'written off'],
]);

/** Waits for the end of a sale, and gives it. */
export async function endOf(ground: Ground, saleId: string): Promise<End> {
  let end: End | undefined;
  await until(ground, async () => {
    end = ends.get((await ground.machine.getSale({ saleId })).sale?.status);
    return end !== undefined;
  });
  return end ?? 'settled';
}

/** What of one machine does not add up, by the books of all three. */
export async function ledgerErrors(
  ground: Ground,
  machineId: string,
  saleIds: readonly string[],
): Promise<readonly string[]> {
  const { machine, cashier, dispenser } = ground;
  const answers = await Promise.all(saleIds.map((saleId) => machine.getSale({ saleId })));
  const { payments } = await cashier.listPayments({ machineId });
  const { slots, cans } = await dispenser.getCans({ machineId });
  const sales = answers.flatMap(({ sale }) => (sale === undefined ? [] : [sale]));
  const books: Books = { sales, payments, slots, cans };
  return errorsIn(books);
}
