import type { Send } from './exchange.ts';
import { sendRaw } from './npm-client.ts';
import { parseHolder, parseSessionId, parseTaken } from './parse.ts';
import type { Answer, ReadOptions, RequestOptions } from './types.ts';
import { checkKey } from './values.ts';

export interface NewSession {
  /** For people, as "scheduler-1 stands for scheduler". */
  readonly name: string;
  /** Without a renewal for this long the session ends, in ms; Consul may take twice as long, and no less than 10 000. */
  readonly ttlMs: number;
  /** How long a lock stays closed after its session ended by itself, in ms. Consul's own default is 15 000. */
  readonly lockDelayMs: number;
  /** Checks of services of this agent, as "service:orders-1": when one fails, the session ends. */
  readonly checks: readonly string[];
}

/** Sessions, and the locks that hang on them: keys of which one session is the holder. */
export interface SessionCalls {
  /** The id of a new session. UNAVAILABLE too while one of its checks fails. */
  createSession(session: NewSession, options?: RequestOptions): Promise<string>;
  /** NOT_FOUND: it has ended. */
  renewSession(id: string, options?: RequestOptions): Promise<void>;
  /** Ends it; what it held is free after its delay. */
  endSession(id: string, options?: RequestOptions): Promise<void>;
  /** Makes the session the holder of a key, unless another one is; false: not now. */
  acquireLock(key: string, session: string, options?: RequestOptions): Promise<boolean>;
  /** The key is free at once, if the session held it. */
  releaseLock(key: string, session: string, options?: RequestOptions): Promise<void>;
  /** The session that holds a key; undefined while nobody does. */
  lockHolder(key: string, options?: ReadOptions): Promise<Answer<string | undefined>>;
}

export function sessionCalls(send: Send): SessionCalls {
  return {
    ...locks(send),
    async createSession({ name, ttlMs, lockDelayMs, checks }, options = {}) {
      const body = {
        Name: name,
        TTL: `${String(ttlMs)}ms`,
        LockDelay: `${String(lockDelayMs)}ms`,
        Behavior: 'release',
        NodeChecks: ['serfHealth'],
        ServiceChecks: checks.map((ID) => ({ ID })),
      };
      const answer = await send({
        what: `a session for ${name}`,
        options,
        call: (consul, common) =>
          sendRaw(consul, { method: 'PUT', path: '/session/create', body }, common),
        parse: parseSessionId,
      });
      return answer.value;
    },
    async renewSession(id, options = {}) {
      await send({
        what: 'renewing a session',
        options,
        call: (consul, common) => consul.session.renew({ id, ...common }),
        parse: nothing,
      });
    },
    async endSession(id, options = {}) {
      await send({
        what: 'ending a session',
        options,
        call: (consul, common) => consul.session.destroy({ id, ...common }),
        parse: nothing,
      });
    },
  };
}

function locks(send: Send): Pick<SessionCalls, 'acquireLock' | 'releaseLock' | 'lockHolder'> {
  return {
    async acquireLock(key, session, options = {}) {
      checkKey(key);
      const answer = await send({
        what: `the lock "${key}"`,
        options,
        call: (consul, common) =>
          consul.kv.set({ key, value: session, acquire: session, ...common }),
        parse: parseTaken,
      });
      return answer.value;
    },
    async releaseLock(key, session, options = {}) {
      checkKey(key);
      await send({
        what: `giving back the lock "${key}"`,
        options,
        call: (consul, common) => consul.kv.set({ key, value: '', release: session, ...common }),
        parse: nothing,
      });
    },
    async lockHolder(key, options = {}) {
      checkKey(key);
      return send({
        what: `the holder of the lock "${key}"`,
        options,
        call: (consul, common) => consul.kv.get({ key, ...common }),
        parse: parseHolder,
      });
    },
  };
}

const nothing = (): void => undefined;
