/** The last id of a lane; there is a new lane before there is an id again. At 60 000 calls/s that is ten hours. */
const lastId = 0x7fff_ffff;

/** What becomes of the calls of a lane that ends. */
export interface Fallen<T> {
  /** No handler can have seen these. */
  readonly unreached: readonly T[];
  /** A handler may have seen these. */
  readonly inDoubt: readonly T[];
}

/**
 * The client's books of one lane: which calls wait for a reply. Ids only ever rise, so a reply that comes
 * after its caller has left finds nobody, and never another call.
 *
 * A ring, not a Map: an id's place is its low bits. Where the place is still taken, by a call that lasts, the
 * id is left out; with twice as many places as calls that is rare.
 */
export class PendingCalls<T> {
  readonly limit: number;
  /** How many wait. */
  size = 0;
  readonly #mask: number;
  readonly #calls: (T | undefined)[];
  readonly #ids: number[];
  #next: number;
  /** Every call up to this id was handed to the connection. */
  #written = 0;

  constructor(limit: number, firstId = 1) {
    const places = 2 ** Math.ceil(Math.log2(limit * 2));
    this.limit = limit;
    this.#mask = places - 1;
    this.#calls = new Array<T | undefined>(places).fill(undefined);
    this.#ids = new Array<number>(places).fill(0);
    this.#next = firstId;
  }

  /** True when the ids are used up, and another lane is needed. */
  get spent(): boolean {
    return this.#next > lastId - this.#mask;
  }

  /** Takes a call in; its id, or 0 if there is no room. */
  add(call: T): number {
    if (this.size >= this.limit || this.spent) return 0;
    let id = this.#next;
    while (this.#calls[id & this.#mask] !== undefined) id++;
    this.#next = id + 1;
    this.#calls[id & this.#mask] = call;
    this.#ids[id & this.#mask] = id;
    this.size++;
    return id;
  }

  /** Hands out the call of a reply, or of a caller who leaves; undefined if nobody waits for it. */
  take(id: number): T | undefined {
    const place = id & this.#mask;
    if (this.#ids[place] !== id) return undefined;
    const call = this.#calls[place];
    if (call === undefined) return undefined;
    this.#calls[place] = undefined;
    this.size--;
    return call;
  }

  /** All calls so far were handed to the connection. */
  wrote(): void {
    this.#written = this.#next - 1;
  }

  /** The server answers none above `last`: those calls, which are safe to repeat, and are forgotten here. */
  above(last: number): T[] {
    return this.#takeIf((id) => id > last);
  }

  /** Hands out every call for which `matches` holds, oldest place first. */
  takeWhere(matches: (call: T) => boolean): T[] {
    return this.#takeIf((_id, call) => matches(call));
  }

  /** The calls that wait. */
  *waiting(): IterableIterator<T> {
    for (const call of this.#calls) if (call !== undefined) yield call;
  }

  /** The stream is gone: nobody waits any more. */
  fall(): Fallen<T> {
    const unreached = this.above(this.#written);
    return { unreached, inDoubt: this.#takeIf(() => true) };
  }

  #takeIf(matches: (id: number, call: T) => boolean): T[] {
    const taken: T[] = [];
    if (this.size === 0) return taken;
    for (const [place, call] of this.#calls.entries()) {
      if (call === undefined || !matches(this.#ids[place] ?? 0, call)) continue;
      this.#calls[place] = undefined;
      this.size--;
      taken.push(call);
    }
    return taken;
  }
}
