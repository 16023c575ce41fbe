import { MeshError } from '../kernel/error.ts';
import { checkServiceName, checkToken } from '../kernel/names.ts';
import type { Send } from './exchange.ts';
import { parseLeader, parseOwnServices, parseSelf } from './parse.ts';
import type { AgentInfo, RegisteredService, RequestOptions, ServiceRegistration } from './types.ts';

/** What is asked of the agent itself, and answered by it alone. */
export interface AgentCalls {
  /**
   * Makes an instance known, or replaces what was known under the same id. It counts as healthy until its
   * check says otherwise. Resolves when the agent knows it; the catalog follows within milliseconds.
   */
  register(registration: ServiceRegistration, options?: RequestOptions): Promise<void>;
  /** Forgets an instance; one that the agent does not know is no error. */
  deregister(id: string, options?: RequestOptions): Promise<void>;
  /** All that was registered with this agent. */
  ownServices(options?: RequestOptions): Promise<readonly RegisteredService[]>;
  /** Who the agent is. */
  self(options?: RequestOptions): Promise<AgentInfo>;
  /** The address of the servers' leader; undefined while there is none. */
  leader(options?: RequestOptions): Promise<string | undefined>;
}

export function agentCalls(send: Send): AgentCalls {
  return {
    async register(registration, options = {}) {
      checkServiceName(registration.service);
      checkToken(registration.id, 'an instance id');
      await send({
        what: `registering ${registration.id}`,
        options,
        call: (consul, common) =>
          consul.agent.service.register({ ...serviceOf(registration), ...common }),
        parse: nothing,
      });
    },
    async deregister(id, options = {}) {
      checkToken(id, 'an instance id');
      try {
        await send({
          what: `deregistering ${id}`,
          options,
          call: (consul, common) => consul.agent.service.deregister({ id, ...common }),
          parse: nothing,
        });
      } catch (thrown) {
        // Consul 1.8 says nothing of an unknown id, newer ones answer 404.
        if (MeshError.from(thrown).status !== 'NOT_FOUND') throw thrown;
      }
    },
    async ownServices(options = {}) {
      const answer = await send({
        what: 'the services of the agent',
        options,
        call: (consul, common) => consul.agent.service.list({ ...common }),
        parse: parseOwnServices,
      });
      return answer.value;
    },
    async self(options = {}) {
      const answer = await send({
        what: 'who the agent is',
        options,
        call: (consul, common) => consul.agent.self({ ...common }),
        parse: parseSelf,
      });
      return answer.value;
    },
    async leader(options = {}) {
      const answer = await send({
        what: 'who leads',
        options,
        call: (consul, common) => consul.status.leader({ ...common }),
        parse: parseLeader,
      });
      return answer.value;
    },
  };
}

const nothing = (): void => undefined;

/** A registration in the words of the npm client. */
function serviceOf({ id, service, host, port, meta, check }: ServiceRegistration) {
  return {
    id,
    name: service,
    address: host,
    port,
    meta: { ...meta },
    check: {
      name: 'grpc.health.v1',
      grpc: check.address,
      ...(check.tls && { grpcusetls: true, tlsskipverify: true }),
      interval: `${check.intervalMs}ms`,
      timeout: `${check.timeoutMs}ms`,
      deregistercriticalserviceafter: `${check.forgetAfterMs}ms`,
      status: 'passing',
    },
  } as const;
}
