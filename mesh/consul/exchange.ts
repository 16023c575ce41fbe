import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type Consul from 'consul';
import { aborted, type Clock } from '../kernel/clock.ts';
import type { MeshError } from '../kernel/error.ts';
import { blockTimeoutMs } from './blocking.ts';
import { consulError, unavailable } from './error.ts';
import { createNpmClient, type NpmClientOptions, type Scope } from './npm-client.ts';
import type { Answer, ReadOptions } from './types.ts';

/** One request to Consul. */
export interface Exchange<T> {
  /** What is asked, in words for errors, as 'the instances of "orders"'. */
  readonly what: string;
  readonly options: ReadOptions;
  /** True for what the agent answers from its own memory: it then says that it knows no leader, and never asked. */
  readonly fromAgent?: boolean;
  /** One call of the npm client, with `common` among its options. */
  readonly call: (consul: Consul, common: Common) => Promise<unknown>;
  /** Reads the body; throws if it is of another shape. */
  readonly parse: (body: unknown) => T;
}

/** The options that the calls of the npm client have in common, as it wants them. */
export interface Common {
  readonly ctx: Scope;
  /** Set once for all requests; named because the npm client's types want one option that they know. */
  readonly token?: string;
  readonly index?: string;
  readonly wait?: string;
  readonly stale?: boolean;
  readonly consistent?: boolean;
}

/** Sends one request and reads its answer. Throws only MeshErrors. */
export type Send = <T>(exchange: Exchange<T>) => Promise<Answer<T>>;

const defaultTimeoutMs = 10_000;

/** What sends requests to one agent, and `close` for its connections. */
export function createExchange(options: NpmClientOptions & { readonly clock: Clock }): {
  readonly send: Send;
  readonly close: () => void;
} {
  const { address, clock } = options;
  const { consul, close } = createNpmClient(options);

  const send: Send = async ({ what, options: asked, fromAgent = false, call, parse }) => {
    const whole = `Consul at ${address.origin}, ${what}`;
    const { signal, block } = asked;
    if (signal?.aborted) throw aborted(signal, whole);
    const common = commonOptions(asked);
    let fault: MeshError | undefined;
    const giveUp = (why: MeshError): void => {
      fault ??= why;
      common.ctx.emit('cancel');
    };
    const onAbort = (): void => {
      if (signal) giveUp(aborted(signal, whole));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    const ms = asked.timeoutMs ?? (block ? blockTimeoutMs(block.waitMs) : defaultTimeoutMs);
    const cancelTimer = clock.after(ms, () => {
      giveUp(unavailable(whole, `no answer within ${ms} ms`));
    });
    try {
      return read(await call(consul, common), parse, fromAgent);
    } catch (thrown) {
      throw fault ?? consulError(thrown, whole);
    } finally {
      cancelTimer();
      signal?.removeEventListener('abort', onAbort);
    }
  };
  return { send, close };
}

function commonOptions({ freshness, block }: ReadOptions): Common {
  const cached = freshness === 'cached';
  return {
    ctx: Object.assign(new EventEmitter(), { includeResponse: true, cached } as const),
    ...(block && { index: String(block.index), wait: `${block.waitMs}ms` }),
    ...(freshness === 'stale' && { stale: true }),
    ...(freshness === 'consistent' && { consistent: true }),
  };
}

function read<T>(result: unknown, parse: (body: unknown) => T, fromAgent: boolean): Answer<T> {
  // With `includeResponse` the npm client gives the response, then what it made of the body.
  const [{ headers }, body] = result as [IncomingMessage, unknown];
  // A server that has just started, or lost the others, answers stale reads from what it has: perhaps nothing.
  if (!fromAgent && headers['x-consul-knownleader'] === 'false')
    throw new Error('it knows no leader');
  const index = headers['x-consul-index'];
  return { value: parse(body), index: typeof index === 'string' ? index : undefined };
}
