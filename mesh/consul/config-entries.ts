import { MeshError } from '../kernel/error.ts';
import { checkServiceName } from '../kernel/names.ts';
import type { Send } from './exchange.ts';
import { sendRaw } from './npm-client.ts';
import { parseConfigEntries } from './parse.ts';
import type { Answer, ConfigEntry, ConfigKind, ReadOptions, RequestOptions } from './types.ts';

/** A config entry to be written. Field names as in Consul's documentation, as "DefaultSubset". */
export interface NewConfigEntry {
  readonly kind: ConfigKind | 'service-defaults';
  /** The service that it is about. */
  readonly name: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Consul's config entries. */
export interface ConfigEntryCalls {
  /**
   * All entries of a kind. The list and not the single entry is read: one blocking query then serves every
   * target of a process, and a missing entry is an absence and not the 404 on which some versions of
   * Consul do not block.
   */
  configEntries(
    kind: NewConfigEntry['kind'],
    options?: ReadOptions,
  ): Promise<Answer<readonly ConfigEntry[]>>;
  /**
   * Writes an entry. Consul refuses splitters and routers of a service that does not speak HTTP by its
   * service-defaults ("Protocol": "grpc"), weights that do not add up to 100, and circles of redirects; it
   * answers some of that with 500, which arrives as UNAVAILABLE. It does not check filters.
   */
  putConfigEntry(entry: NewConfigEntry, options?: RequestOptions): Promise<void>;
  /** Removes an entry; one that is not there is no error, one that others need is. */
  deleteConfigEntry(
    kind: NewConfigEntry['kind'],
    name: string,
    options?: RequestOptions,
  ): Promise<void>;
}

export function configEntryCalls(send: Send): ConfigEntryCalls {
  return {
    async configEntries(kind, options = {}) {
      return send({
        what: `the entries of ${kind}`,
        options,
        call: (consul, common) =>
          sendRaw(consul, { method: 'GET', path: '/config/{kind}', params: { kind } }, common),
        parse: parseConfigEntries,
      });
    },
    async putConfigEntry({ kind, name, fields = {} }, options = {}) {
      checkServiceName(name);
      const body = { ...fields, Kind: kind, Name: name };
      await send({
        what: `writing the ${kind} of "${name}"`,
        options,
        call: (consul, common) => sendRaw(consul, { method: 'PUT', path: '/config', body }, common),
        parse: accepted,
      });
    },
    async deleteConfigEntry(kind, name, options = {}) {
      checkServiceName(name);
      const path = '/config/{kind}/{name}';
      await send({
        what: `removing the ${kind} of "${name}"`,
        options,
        call: (consul, common) =>
          sendRaw(consul, { method: 'DELETE', path, params: { kind, name } }, common),
        parse: () => undefined,
      });
    },
  };
}

/** Consul says `false` for an entry that it did not take. */
function accepted(body: unknown): void {
  if (body !== false) return;
  throw new MeshError('Consul did not take the config entry', {
    status: 'ABORTED',
    reason: 'CONSUL_REFUSED',
  });
}
