import { count, field, list, text } from './fields.ts';
import type {
  AgentInfo,
  ConfigEntry,
  RegisteredService,
  ServiceInstance,
  StoredValue,
} from './types.ts';

/*
 * Answers of Consul as typed values. An answer of another shape throws: it is then not Consul that answers.
 * A single field of another type reads as empty, so that one odd registration does not hide the others.
 */

/** The answer of /health/service/:name. */
export function parseInstances(body: unknown): ServiceInstance[] {
  return list(body).map((entry) => {
    const node = field(entry, 'Node');
    const service = registered(field(entry, 'Service'));
    return {
      ...service,
      host: service.host === '' ? text(field(node, 'Address')) : service.host,
      node: text(field(node, 'Node')),
      health: worst(field(entry, 'Checks')),
    };
  });
}

/** The answer of /agent/services: an object by id. */
export function parseOwnServices(body: unknown): RegisteredService[] {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new TypeError('it answered with something that is not a map of services');
  }
  return Object.values(body).map(registered);
}

/** The answer of /agent/self. */
export function parseSelf(body: unknown): AgentInfo {
  const config = field(body, 'Config');
  if (config === undefined) throw new TypeError('it answered with something that is not an agent');
  return {
    node: text(field(config, 'NodeName')),
    datacenter: text(field(config, 'Datacenter')),
    version: text(field(config, 'Version')),
    intentionsByDefault: byDefault(field(body, 'DebugConfig')),
  };
}

/** Without ACLs everything is allowed; with them their default decides, unless newer agents say it by itself. */
function byDefault(config: unknown): AgentInfo['intentionsByDefault'] {
  const own = text(field(config, 'DefaultIntentionPolicy'));
  if (own === 'allow' || own === 'deny') return own;
  if (field(config, 'ACLsEnabled') === false) return 'allow';
  const resolver = field(config, 'ACLResolverSettings');
  const policy =
    text(field(config, 'ACLDefaultPolicy')) || text(field(resolver, 'ACLDefaultPolicy'));
  return policy === 'allow' ? 'allow' : 'deny';
}

/** The answer of /status/leader; Consul says "" while there is none. */
export function parseLeader(body: unknown): string | undefined {
  if (typeof body !== 'string')
    throw new TypeError('it answered with something that is not a text');
  return body === '' ? undefined : body;
}

/** The item of /kv/:key, its value decoded by the npm client; nothing if there is none. */
export function parseValue(item: unknown): string | undefined {
  if (item === undefined || item === null) return undefined;
  const value = field(item, 'Value');
  // An empty value is null.
  return value === null ? '' : text(value);
}

/** The item of /kv/:key as a lock: the session that holds it. */
export function parseHolder(item: unknown): string | undefined {
  const session = text(field(item, 'Session'));
  return session === '' ? undefined : session;
}

/** The answer of /kv/:key?acquire. */
export function parseTaken(body: unknown): boolean {
  if (typeof body === 'boolean') return body;
  throw new TypeError('it answered with something that is not yes or no');
}

/** The answer of /session/create. */
export function parseSessionId(body: unknown): string {
  const id = text(field(body, 'ID'));
  if (id === '') throw new TypeError('it answered with something that is not a session');
  return id;
}

/** The items of /kv/:prefix?recurse, their values decoded by the npm client; nothing if there are none. */
export function parseValues(items: unknown): StoredValue[] {
  return list(items ?? null).map((item) => ({
    key: text(field(item, 'Key')),
    value: parseValue(item) ?? '',
    version: count(field(item, 'ModifyIndex')),
  }));
}

/** The answer of /config/:kind. */
export function parseConfigEntries(body: unknown): ConfigEntry[] {
  return list(body).map((entry) => ({
    name: text(field(entry, 'Name')),
    version: count(field(entry, 'ModifyIndex')),
    fields: { ...(entry as object) },
  }));
}

function registered(service: unknown): RegisteredService {
  return {
    id: text(field(service, 'ID')),
    service: text(field(service, 'Service')),
    host: text(field(service, 'Address')),
    port: count(field(service, 'Port')),
    meta: texts(field(service, 'Meta')),
  };
}

function worst(checks: unknown): ServiceInstance['health'] {
  if (!Array.isArray(checks)) return 'critical';
  const states = checks.map((check: unknown) => field(check, 'Status'));
  if (states.every((state) => state === 'passing')) return 'passing';
  const tolerable = states.every((state) => state === 'passing' || state === 'warning');
  return tolerable ? 'warning' : 'critical';
}

function texts(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {};
  // fromEntries defines properties: a key "__proto__" stays a key.
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, text(each)]));
}
