/**
 * The contract's two calls. A terminal's stream has two sides that do not wait for each other: what it says is
 * heard in the background, while the loop gives it work; whichever ends first ends the other.
 */
import type {
  PickOrdersRequest,
  PickOrdersResponse,
  TerminalReady,
  WarehouseServiceDefinition,
} from '#gen/shop/warehouse/v1/warehouse.ts';
import { type HandlerContext, type Implementation, MeshError } from '#mesh';
import { type Desk, type DeskOptions, openDesk } from './desk.ts';
import { standing } from './pick.ts';
import { toMessage } from './wire.ts';

export interface WarehouseServiceOptions extends DeskOptions {
  /** How often a terminal with free hands looks for what other instances opened, in ms. */
  readonly pollMs: number;
}

/** shop.warehouse.v1.WarehouseService. */
export function warehouseService(
  options: WarehouseServiceOptions,
): Implementation<WarehouseServiceDefinition> {
  const { picks, clock } = options;
  return {
    async getPick({ orderId }) {
      const pick = await picks.find(orderId);
      if (pick === undefined) throw notFound(orderId);
      return { pick: toMessage(standing(pick, clock.now())) };
    },

    pickOrders: (requests, context) => pickOrders(options, requests, context),
  };
}

async function* pickOrders(
  options: WarehouseServiceOptions,
  requests: AsyncIterable<PickOrdersRequest>,
  { signal, draining }: HandlerContext,
): AsyncGenerator<PickOrdersResponse> {
  const words = requests[Symbol.asyncIterator]();
  const desk = openDesk(options, readyOf(await words.next()));
  const finished = new AbortController();
  const listening = listen(desk, words).finally(() => {
    finished.abort();
  });
  // Awaited below, but only once the loop has ended: a refusal must not count as unhandled until then.
  listening.catch(() => undefined);
  const over = AbortSignal.any([signal, draining, finished.signal]);
  try {
    while (!over.aborted) {
      // Listens before it looks, so that no pick falls between the two.
      const work = options.bell.heard({ withinMs: options.pollMs, signal: over });
      for (const pick of await desk.fill()) yield { pick: toMessage(pick) };
      await work;
    }
    // An orderly end would tell the terminal that the work is done.
    if (!finished.signal.aborted) throw leaving();
    await listening;
  } finally {
    await desk.leave();
  }
}

/** Hears the terminal out: ends when it has nothing more to say, throws when it says what cannot be. */
async function listen(desk: Desk, words: AsyncIterator<PickOrdersRequest>): Promise<void> {
  for (;;) {
    const word = await words.next();
    if (word.done === true) return;
    const { message } = word.value;
    if (message?.$case !== 'packed') throw outOfTurn('packed');
    await desk.packed(message.value.orderId);
  }
}

function leaving(): MeshError {
  return new MeshError('this instance is leaving; connect the terminal to another one', {
    status: 'UNAVAILABLE',
    reason: 'INSTANCE_LEAVING',
  });
}

function readyOf(first: IteratorResult<PickOrdersRequest>): TerminalReady {
  const message = first.done === true ? undefined : first.value.message;
  if (message?.$case !== 'ready') throw outOfTurn('ready');
  return message.value;
}

function outOfTurn(expected: 'ready' | 'packed'): MeshError {
  const description =
    expected === 'ready'
      ? 'the first message of a terminal must be "ready"'
      : 'after "ready", each message must be "packed"';
  return MeshError.invalid('this terminal speaks out of turn', [
    { field: 'message', description, reason: 'ORDER' },
  ]);
}

function notFound(orderId: string): MeshError {
  return new MeshError(
    `there is no pick for order "${orderId}"; it comes a moment after the order is confirmed`,
    { status: 'NOT_FOUND', reason: 'PICK_NOT_FOUND', details: { facts: { order_id: orderId } } },
  );
}
