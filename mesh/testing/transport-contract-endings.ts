import { expect, test } from '@jest/globals';
import { systemClock } from '../kernel/clock.ts';
import { deadlineIn } from '../kernel/deadline.ts';
import { MeshError } from '../kernel/error.ts';
import { neverReached, UnreachedError } from '../resilience/unreached.ts';
import { errorOf } from './error-of.ts';
import { eventually } from './eventually.ts';
import { echo, untilAborted } from './transport-contract-messages.ts';
import { attempt, type StartRig } from './transport-contract-rig.ts';

/** How a call ends before its answer, and what is known then of whether a handler has seen it. */
export function describeEndings(start: StartRig): void {
  endings(start);
  reach(start);
}

function endings(start: StartRig): void {
  test('ends at its deadline on both sides', async () => {
    const rig = await start({ handlers: { getStock: (_, { signal }) => untilAborted(signal) } });
    const error = await errorOf(
      rig.getStock({ sku: 'TEA' }, { deadline: deadlineIn(60, systemClock) }),
    );
    expect(error.status).toBe('DEADLINE_EXCEEDED');
    await eventually(() => rig.seen.at(-1)?.reason()?.status === 'DEADLINE_EXCEEDED');
  });

  test('ends when its caller aborts, with the caller’s own reason, and the handler is told', async () => {
    const rig = await start({ handlers: { getStock: (_, { signal }) => untilAborted(signal) } });
    const caller = new AbortController();
    const call = errorOf(rig.getStock({ sku: 'TEA' }, { signal: caller.signal }));
    await eventually(() => rig.seen.length === 1);
    const reason = new MeshError('I have changed my mind', { status: 'CANCELLED', reason: 'MIND' });
    caller.abort(reason);
    expect(await call).toBe(reason);
    await eventually(() => rig.seen.at(-1)?.reason()?.reason === 'CALLER_GONE');
  });

  test('ends when the work that it is part of is given up', async () => {
    const rig = await start({ handlers: { getStock: (_, { signal }) => untilAborted(signal) } });
    const { cancellation, giveUp, listeners } = attempt.cancellation();
    const call = errorOf(rig.getStock({ sku: 'TEA' }, { cancellation }));
    await eventually(() => rig.seen.length === 1);
    const reason = new MeshError('the caller left', { status: 'CANCELLED', reason: 'CALLER_GONE' });
    giveUp(reason);
    expect(await call).toBe(reason);
    await eventually(() => rig.seen.at(-1)?.reason() !== undefined);
    expect(listeners()).toBe(0);
  });

  test('is not sent at all by a caller who has left', async () => {
    const rig = await start();
    const { cancellation, giveUp } = attempt.cancellation();
    const reason = new MeshError('gone before', { status: 'CANCELLED' });
    giveUp(reason);
    expect(await errorOf(rig.getStock({ sku: 'TEA' }, { cancellation }))).toBe(reason);
    await rig.getStock({ sku: 'COFFEE' });
    expect(rig.seen.map(({ sku }) => sku)).toEqual(['COFFEE']);
  });

  test('leaves no listener behind', async () => {
    const rig = await start();
    const { cancellation, listeners } = attempt.cancellation();
    await Promise.all(
      Array.from({ length: 50 }, () => rig.getStock({ sku: 'TEA' }, { cancellation })),
    );
    expect(listeners()).toBe(0);
  });
}

function reach(start: StartRig): void {
  test('that runs is answered while the server drains, and what comes later never reached a handler', async () => {
    const release = Promise.withResolvers<void>();
    const rig = await start({
      handlers: {
        getStock: async ({ sku }) => {
          if (sku === 'SLOW') await release.promise;
          return echo(sku);
        },
      },
    });
    const slow = rig.getStock({ sku: 'SLOW' });
    await eventually(() => rig.seen.length === 1);
    const drained = rig.server.drain({ graceMs: 5000 });
    const late = await errorOf(rig.getStock({ sku: 'LATE' }));
    expect(neverReached(late)).toBe(true);
    release.resolve();
    expect((await slow).item?.sku).toBe('SLOW');
    await drained;
    expect(rig.seen.map(({ sku }) => sku)).toEqual(['SLOW']);
  });

  test('is lost with its connection: whether a handler has seen it, nobody knows', async () => {
    const rig = await start({ handlers: { getStock: (_, { signal }) => untilAborted(signal) } });
    const call = errorOf(rig.getStock({ sku: 'TEA' }, { deadline: deadlineIn(5000, systemClock) }));
    await eventually(() => rig.seen.length === 1);
    await rig.cable.cut();
    const error = await call;
    expect(error.status).toBe('UNAVAILABLE');
    expect(error).not.toBeInstanceOf(UnreachedError);
    expect(neverReached(error)).toBe(false);
    await eventually(() => rig.seen.at(-1)?.reason()?.reason === 'CALLER_GONE');
  });

  test('never reached a handler where there is no connection, and arrives when there is one again', async () => {
    const rig = await start();
    await rig.cable.cut();
    await eventually(async () => {
      return (await errorOf(rig.getStock({ sku: 'TEA' }))) instanceof UnreachedError;
    });
    await rig.cable.mend();
    await eventually(async () => (await rig.getStock({ sku: 'TEA' })).item?.sku === 'TEA');
  });

  test('is over when its connection is closed, and not before', async () => {
    const release = Promise.withResolvers<void>();
    const rig = await start({
      handlers: {
        getStock: async ({ sku }) => {
          await release.promise;
          return echo(sku);
        },
      },
    });
    const call = rig.getStock({ sku: 'TEA' });
    await eventually(() => rig.seen.length === 1);
    const closed = rig.connection.close();
    const late = await errorOf(rig.getStock({ sku: 'LATE' }));
    expect(late).toBeInstanceOf(UnreachedError);
    release.resolve();
    expect((await call).item?.sku).toBe('TEA');
    await closed;
  });
}
