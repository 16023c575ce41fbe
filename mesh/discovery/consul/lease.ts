import type { ServiceRegistration } from '../../consul/types.ts';
import { jitter } from '../../kernel/random.ts';
import type { Lease } from '../registry.ts';
import type { Ports } from './ports.ts';

/** A registration that is kept. */
export interface KeptLease extends Lease {
  /** Ends the keeping and leaves the registration where it is: another lease has it now. */
  abandon(): void;
}

/**
 * How often the agent is asked whether it still knows the instance, in ms, +-20 %: a restarted agent that
 * lost its data has it back within 2.4 s. The agent answers from memory, without the servers.
 */
const lookEveryMs = 2_000;

/** Longest request of a lease, in ms: `close` waits for at most two of them. */
const timeoutMs = 2_000;

/** Keeps an instance registered until the lease is closed. */
export function keepRegistered(registration: ServiceRegistration, ports: Ports): KeptLease {
  const { consul, clock, random } = ports;
  const { id } = registration;
  const log = ports.log.child({ service: registration.service, instance: id });
  const ending = new AbortController();
  const { signal } = ending;
  const ended = (): boolean => signal.aborted;

  const look = async (): Promise<void> => {
    const own = await consul.ownServices({ signal, timeoutMs });
    if (own.some((service) => service.id === id)) return;
    // Not given up when the lease closes, but awaited: cut off, it might reach the agent after the farewell.
    await consul.register(registration, { timeoutMs });
    log.warn('Consul had lost the registration; registered again');
  };

  const keep = async (): Promise<void> => {
    let away = false;
    while (!ended()) {
      try {
        await clock.sleep(jitter(lookEveryMs, 0.2, random), signal);
        await look();
        away = false;
      } catch (thrown) {
        if (ended()) return;
        if (!away) log.warn('Consul is away; nobody looks after the registration', { err: thrown });
        away = true;
      }
    }
  };

  const leave = async (): Promise<void> => {
    if (ended()) return;
    ending.abort();
    await kept;
    try {
      await consul.deregister(id, { timeoutMs });
    } catch (thrown) {
      log.warn('could not deregister: the failing check will', { err: thrown });
    }
  };

  const kept = keep();
  let left: Promise<void> | undefined;
  return {
    abandon: () => {
      ending.abort();
    },
    close: () => (left ??= leave()),
  };
}
