import { checkServiceName } from '../kernel/names.ts';
import type { Send } from './exchange.ts';
import { parseInstances } from './parse.ts';
import type { Answer, ReadOptions, ServiceInstance } from './types.ts';

export interface InstancesOptions extends ReadOptions {
  /** Also those whose checks fail. Default false. */
  readonly all?: boolean;
}

/** What the servers know of the health of services. */
export interface HealthCalls {
  /** The instances of a service, sorted as Consul likes. */
  instances(
    service: string,
    options?: InstancesOptions,
  ): Promise<Answer<readonly ServiceInstance[]>>;
}

export function healthCalls(send: Send): HealthCalls {
  return {
    async instances(service, options = {}) {
      checkServiceName(service);
      return send({
        what: `the instances of "${service}"`,
        options,
        call: (consul, common) =>
          consul.health.service({ service, passing: !options.all, ...common }),
        parse: parseInstances,
      });
    },
  };
}
