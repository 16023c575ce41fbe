import { MeshError } from '../kernel/error.ts';
import type { Send } from './exchange.ts';
import { parseValue, parseValues } from './parse.ts';
import type { Answer, ReadOptions, RequestOptions, StoredValue } from './types.ts';

/** Consul's key/value store. Keys are paths of letters, digits, '.', '_' and '-', as "weft/policy/orders". */
export interface ValueCalls {
  /** The text under a key; undefined if there is none. */
  getValue(key: string, options?: ReadOptions): Promise<Answer<string | undefined>>;
  /** All keys below a prefix such as "weft/policy", with what is under them; none is no error. */
  listValues(prefix: string, options?: ReadOptions): Promise<Answer<readonly StoredValue[]>>;
  /** Sets the text under a key; Consul takes up to 512 KiB. */
  putValue(key: string, value: string, options?: RequestOptions): Promise<void>;
  /**
   * Sets the text under a key if nobody has written there since: `version` is that of listValues, 0 for a key that
   * must not be there yet. False: somebody has.
   */
  swapValue(
    key: string,
    value: string,
    version: number,
    options?: RequestOptions,
  ): Promise<boolean>;
  /** Removes a key; one that is not there is no error. */
  deleteValue(key: string, options?: RequestOptions): Promise<void>;
}

export function valueCalls(send: Send): ValueCalls {
  return {
    async getValue(key, options = {}) {
      checkKey(key);
      return send({
        what: `the value of "${key}"`,
        options,
        call: (consul, common) => consul.kv.get({ key, ...common }),
        parse: parseValue,
      });
    },
    async listValues(prefix, options = {}) {
      checkKey(prefix);
      return send({
        what: `the values below "${prefix}"`,
        options,
        call: (consul, common) => consul.kv.get({ key: `${prefix}/`, recurse: true, ...common }),
        parse: parseValues,
      });
    },
    async putValue(key, value, options = {}) {
      checkKey(key);
      await send({
        what: `setting "${key}"`,
        options,
        call: (consul, common) => consul.kv.set({ key, value, ...common }),
        parse: () => undefined,
      });
    },
    async swapValue(key, value, version, options = {}) {
      checkKey(key);
      const { value: taken } = await send({
        what: `setting "${key}"`,
        options,
        call: (consul, common) => consul.kv.set({ key, value, cas: version, ...common }),
        parse: (body) => body !== false,
      });
      return taken;
    },
    async deleteValue(key, options = {}) {
      checkKey(key);
      await send({
        what: `removing "${key}"`,
        options,
        call: (consul, common) => consul.kv.del({ key, ...common }),
        parse: () => undefined,
      });
    },
  };
}

const segment = /^(?!\.+$)[A-Za-z0-9._-]+$/;

/** Keys become part of a path, and Consul resolves ".." in one (kernel/names.ts). */
export function checkKey(key: string): void {
  if (key.length <= 512 && key.split('/').every((part) => segment.test(part))) return;
  throw new MeshError(
    `${JSON.stringify(key.slice(0, 80))} is not a key: use up to 512 letters, digits, '.', '_', '-' in segments parted by '/'`,
    { status: 'INVALID_ARGUMENT', reason: 'INVALID_KEY' },
  );
}
