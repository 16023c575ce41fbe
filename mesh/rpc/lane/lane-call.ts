import { MeshError } from '../../kernel/error.ts';
import { decodeMessage } from '../decode.ts';
import { factsOf } from '../plain/outcome.ts';
import { undecodable } from '../plain/wire.ts';
import type { CallFacts } from '../status.ts';
import type { AttemptContext, Method } from '../transport.ts';
import { noMetadata } from './entries.ts';
import { errorOfReply } from './failure.ts';
import type { IncomingReply } from './response-frames.ts';

/** Method syntax takes a function that wants one type of response: the method's own, whose codec makes it. */
type Resolve = { of(response: unknown): void }['of'];

const nothing = (): void => undefined;

/** A call that waits for its reply. A class, because there is one for every call. */
export class LaneCall {
  id = 0;
  /** Forgets the caller's signal. */
  release: () => void = nothing;
  readonly method: Method;
  readonly context: AttemptContext;
  readonly address: string;
  /** In monotonic ms; Infinity: none. */
  readonly due: number;
  readonly reject: (error: MeshError) => void;
  readonly #resolve: Resolve;

  constructor(
    facts: { method: Method; context: AttemptContext; address: string; due: number },
    resolve: Resolve,
    reject: (error: MeshError) => void,
  ) {
    this.method = facts.method;
    this.context = facts.context;
    this.address = facts.address;
    this.due = facts.due;
    this.#resolve = resolve;
    this.reject = reject;
  }

  get facts(): CallFacts {
    return factsOf(this.method, this.address, this.context.attempt);
  }

  /** Ends the call by its reply, which came in this message. */
  settle(reply: IncomingReply, message: Buffer): void {
    this.release();
    const { report } = this.context;
    if (report !== undefined) report.receivedBytes += reply.bodyEnd - reply.bodyStart;
    const thrown = this.#tell(reply);
    if (reply.status !== 0) this.reject(errorOfReply(reply, this.facts));
    else if (thrown !== undefined) this.reject(thrown);
    else this.#succeed(reply, message);
  }

  #succeed({ bodyStart, bodyEnd }: IncomingReply, message: Buffer): void {
    try {
      this.#resolve(decodeMessage(this.method.responseType, message, bodyStart, bodyEnd));
    } catch (thrown) {
      this.reject(undecodable(this.method.responseType, this.facts, thrown));
    }
  }

  /** Hands metadata to the caller's callbacks; what they throw fails the call and nobody else's. */
  #tell({ status, header, trailer }: IncomingReply): MeshError | undefined {
    const { onHeader, onTrailer } = this.context;
    if (onHeader === undefined && onTrailer === undefined) return undefined;
    try {
      if (onHeader !== undefined && (status === 0 || header !== undefined)) {
        onHeader(header ?? noMetadata);
      }
      onTrailer?.(trailer ?? noMetadata);
      return undefined;
    } catch (thrown) {
      return MeshError.from(thrown);
    }
  }
}
