import { Answer } from '#gen/flow/orders/v1/orders.ts';
import { MeshError, systemClock } from '#mesh';
import type { Crew } from './crew.ts';
import type { DeskName } from './wire.ts';

/** An order as its customer has seen it. */
export interface Placed {
  readonly orderId: string;
  /** The desk that has to say no to it. */
  readonly refusedBy: DeskName | '';
  /** When it was placed, wall ms. */
  readonly atMs: number;
  /** How long the answer took, in ms. */
  readonly tookMs: number;
  readonly answer: 'accepted' | 'confirmed' | 'declined' | 'error';
  /** The status, for errors. */
  readonly status?: string;
}

const answers = new Map<Answer, Placed['answer']>([
  [Answer.ACCEPTED, 'accepted'],
  [Answer.CONFIRMED, 'confirmed'],
  [Answer.DECLINED, 'declined'],
]);

/** Of ten orders one asks for what is not there, and one has a card that is refused. */
function refusedBy(n: number): DeskName | '' {
  if (n % 10 === 3) return 'inventory';
  return n % 10 === 7 ? 'payments' : '';
}

/** Places an order and waits for the answer. */
export async function place({ orders }: Crew, name: string, n: number): Promise<Placed> {
  const order = { orderId: `${name}-${String(n)}`, refusedBy: refusedBy(n) };
  const atMs = systemClock.now();
  const begin = systemClock.monotonic();
  const outcome = await orders.place(order).then(
    ({ answer }) => ({ answer: answers.get(answer) ?? 'error' }),
    (thrown: unknown) => ({ answer: 'error' as const, status: MeshError.from(thrown).status }),
  );
  return { ...order, atMs, tookMs: systemClock.monotonic() - begin, ...outcome };
}

/** Places orders at a fixed rate, whatever comes back, and resolves when all are answered. */
export async function placeMany(
  crew: Crew,
  { name, ratePerSecond, lastsMs }: { name: string; ratePerSecond: number; lastsMs: number },
): Promise<readonly Placed[]> {
  const begin = systemClock.monotonic();
  const placed: Promise<Placed>[] = [];
  for (let n = 0; n < (ratePerSecond * lastsMs) / 1000; n++) {
    const dueMs = begin + (n * 1000) / ratePerSecond - systemClock.monotonic();
    if (dueMs > 0) await systemClock.sleep(dueMs);
    placed.push(place(crew, name, n));
  }
  return Promise.all(placed);
}

/** Orders until five in a row were answered quickly: everybody is there, and no breaker is open any more. */
export async function warmUp(crew: Crew, name: string): Promise<void> {
  const end = systemClock.monotonic() + 60_000;
  for (let n = 0, inARow = 0; inARow < 5; n++) {
    const { answer, tookMs } = await place(crew, `${name}-warm`, n);
    const well = answer !== 'error' && tookMs < 500;
    inARow = well ? inARow + 1 : 0;
    if (systemClock.monotonic() > end) throw new Error(`${crew.flow} did not become well in 60 s`);
    if (!well) await systemClock.sleep(100);
  }
}
