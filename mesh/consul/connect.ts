import { checkServiceName } from '../kernel/names.ts';
import type { Send } from './exchange.ts';
import { sendRaw } from './npm-client.ts';
import { parseIntentions, parseLeaf, parseRoots } from './parse-connect.ts';
import type { Answer, ConnectLeaf, ConnectRoots, Intention, ReadOptions } from './types.ts';

/** Consul as a certificate authority, and what it knows of who may call whom. */
export interface ConnectCalls {
  /**
   * The certificate of a service, with its key, made by the agent: which needs service:write for it, and not
   * that the service is registered. The agent renews it between 60 and 90 % of its life and keeps answering
   * from memory while the servers are away. Blocks like any other read.
   */
  leaf(service: string, options?: ReadOptions): Promise<Answer<ConnectLeaf>>;
  /** Every root that is trusted now: while the CA changes these are two. From the agent's memory, too. */
  roots(options?: ReadOptions): Promise<Answer<ConnectRoots>>;
  /**
   * All intentions that the token may read. The list and not /intentions/match, which has no index to block
   * on in 1.8.
   */
  intentions(options?: ReadOptions): Promise<Answer<readonly Intention[]>>;
}

export function connectCalls(send: Send): ConnectCalls {
  return {
    async leaf(service, options = {}) {
      checkServiceName(service);
      const path = '/agent/connect/ca/leaf/{service}';
      return send({
        what: `the certificate of "${service}"`,
        options,
        fromAgent: true,
        call: (consul, common) =>
          sendRaw(consul, { method: 'GET', path, params: { service } }, common),
        parse: parseLeaf,
      });
    },
    async roots(options = {}) {
      return send({
        what: 'the roots of its certificates',
        options,
        fromAgent: true,
        call: (consul, common) =>
          sendRaw(consul, { method: 'GET', path: '/agent/connect/ca/roots' }, common),
        parse: parseRoots,
      });
    },
    async intentions(options = {}) {
      return send({
        what: 'the intentions',
        options,
        call: (consul, common) =>
          sendRaw(consul, { method: 'GET', path: '/connect/intentions' }, common),
        parse: parseIntentions,
      });
    },
  };
}
