import type { WebSocket } from 'ws';
import type { Clock } from '../../kernel/clock.ts';
import { type Context, runInContext } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import { createScope, type Scope } from '../../kernel/scope.ts';
import { closeCode, errorFrame, type Frame, idOf, readRequest } from './frame.ts';
import type { SocketLimits } from './limits.ts';
import type { SocketCaller, SocketConnection } from './socket.ts';
import { createTokens, type Tokens } from './tokens.ts';
import { type Verb, verbOf } from './verb.ts';

export interface ConnectionParts {
  readonly id: string;
  readonly caller: SocketCaller;
  readonly limits: SocketLimits;
  readonly verbs: Readonly<Record<string, Verb>>;
  /** What verbs inherit from the handshake. */
  readonly context: Context;
  readonly clock: Clock;
  readonly log: Log;
}

/** A client that reads nothing gets so many times `waitingBytes` from senders that do not wait, then it is closed. */
const patience = 16;
/** What a client that was told to leave may take to say goodbye, in ms. */
const closingMs = 1_000;

const nothing = (): void => undefined;

/** A class, because there are ten thousand: methods on the prototype, and nothing is made before it is needed. */
export class Connection implements SocketConnection {
  readonly id: string;
  readonly caller: SocketCaller;
  /** Whether there was a sign of life since it was last asked for. */
  alive = true;
  /** Requests in hand. */
  busy = 0;
  readonly #ws: WebSocket;
  readonly #parts: ConnectionParts;
  readonly #tokens: Tokens;
  #scope: Scope | undefined = undefined;
  #leaving = false;
  #over = false;
  /** Frames that were read and not taken up: at most what one read of the socket brought. */
  #unread: string[] = [];
  #waiting: (() => void)[] = [];
  #stopStall = nothing;

  constructor(ws: WebSocket, parts: ConnectionParts) {
    this.#ws = ws;
    this.#parts = parts;
    ({ id: this.id, caller: this.caller } = parts);
    const { framesPerSecond: perSecond, burst } = parts.limits;
    this.#tokens = createTokens({ perSecond, burst, clock: parts.clock });
    ws.on('message', (data: Buffer, isBinary) => {
      this.#onMessage(data, isBinary);
    });
    ws.on('pong', () => {
      this.alive = true;
    });
    // What follows is a close; a frame that is too large is among the reasons (1009).
    ws.on('error', nothing);
    ws.once('close', () => {
      this.#end();
    });
  }

  get signal(): AbortSignal {
    this.#scope ??= createScope();
    if (this.#over) this.#scope.abort(this.#gone());
    return this.#scope.signal;
  }

  async send(frame: Frame): Promise<void> {
    if (this.#over || this.#leaving) throw this.#gone();
    this.#ws.send(JSON.stringify(frame), this.#onWritten);
    if (this.#ws.bufferedAmount <= this.#parts.limits.waitingBytes) return;
    if (this.#ws.bufferedAmount > patience * this.#parts.limits.waitingBytes) this.#stalled();
    await this.#room();
  }

  close(code: number, reason: string): void {
    if (this.#leaving || this.#over) return;
    this.#leaving = true;
    // One that holds its breath would not see the other side's goodbye.
    if (this.#ws.isPaused) this.#ws.resume();
    this.#ws.close(code, reason);
    this.#stopStall();
    this.#stopStall = this.#parts.clock.after(closingMs, () => {
      this.#ws.terminate();
    });
  }

  /** Asks for a sign of life; cuts off who has given none since it was asked before. */
  ping(): void {
    // A paused socket hears no pong; what makes it pause has a time limit of its own.
    if (this.#ws.isPaused || this.#leaving) return;
    if (!this.alive) {
      this.#ws.terminate();
      return;
    }
    this.alive = false;
    this.#ws.ping();
  }

  terminate(): void {
    this.#ws.terminate();
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    this.alive = true;
    if (this.#leaving) return;
    if (isBinary) {
      this.close(closeCode.notText, 'send JSON as text');
      return;
    }
    this.#unread.push(data.toString());
    this.#pump();
  }

  /** Takes up what may be taken up, and stops reading while something is left. */
  #pump(): void {
    if (this.#over || this.#leaving) return;
    while (this.#unread.length > 0 && this.#mayHandle()) {
      void this.#handle(this.#unread.shift() ?? '');
    }
    const hold = this.#unread.length > 0;
    if (hold && !this.#ws.isPaused) this.#ws.pause();
    if (!hold && this.#ws.isPaused) this.#ws.resume();
  }

  #mayHandle(): boolean {
    if (this.busy >= this.#parts.limits.requests || this.#waiting.length > 0) return false;
    const waitMs = this.#tokens.take();
    if (waitMs === 0) return true;
    this.#parts.clock.after(waitMs, () => {
      this.#pump();
    });
    return false;
  }

  async #handle(text: string): Promise<void> {
    this.busy++;
    try {
      const answer = await this.#answer(text);
      await this.send(answer);
    } catch {
      // The client is gone; it asks again where it comes next.
    } finally {
      this.busy--;
      this.#pump();
    }
  }

  async #answer(text: string): Promise<Frame> {
    try {
      const request = readRequest(text);
      const { verbs, context } = this.#parts;
      const run = verbOf(verbs, request);
      const fields = await runInContext(context, () => run(request.fields, this));
      return { ...fields, type: 'ok', id: request.id };
    } catch (thrown) {
      return errorFrame(idOf(text), this.#tellable(thrown));
    }
  }

  /** What a handler throws unawares is logged, and gives nothing away. */
  #tellable(thrown: unknown): MeshError {
    if (thrown instanceof MeshError) return thrown;
    this.#parts.log.error('a verb failed', { err: thrown });
    return new MeshError('the server failed at this; its log says how', {
      ...{ status: 'INTERNAL', reason: 'HANDLER_FAILED', cause: thrown },
    });
  }

  #onWritten = (): void => {
    if (this.#waiting.length === 0 || this.#leaving) return;
    if (this.#ws.bufferedAmount > this.#parts.limits.waitingBytes) return;
    this.#stopStall();
    this.#stopStall = nothing;
    this.#wakeAll();
    this.#pump();
  };

  #room(): Promise<void> {
    if (this.#waiting.length === 0 && !this.#leaving) {
      this.#stopStall = this.#parts.clock.after(this.#parts.limits.stalledMs, () => {
        this.#stalled();
      });
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        if (this.#over) reject(this.#gone());
        else resolve();
      });
    });
  }

  #stalled(): void {
    this.close(closeCode.slowReader, 'read faster, then resume');
  }

  #end(): void {
    this.#over = true;
    this.#stopStall();
    this.#unread = [];
    this.#wakeAll();
    this.#scope?.abort(this.#gone());
  }

  #wakeAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  #gone(): MeshError {
    return new MeshError(`the connection of ${this.caller.subject} is closed`, {
      ...{ status: 'CANCELLED', reason: 'SOCKET_CLOSED' },
    });
  }
}
