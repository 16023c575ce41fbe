import type { Random } from '../../mesh/kernel/random.ts';

/** What may be done to the simulated mesh. */
export interface Levers {
  /** Every instance, as "service-03-7". */
  readonly instances: readonly string[];
  /** Stops it without a word; discovery notices after a second and a half. */
  crash(instance: string): void;
  restart(instance: string): void;
  slow(instance: string, times: number): void;
  cutOff(instances: readonly string[], cut: boolean): void;
  /** Multiplies the calls from outside. */
  load(times: number): void;
}

export interface Fault {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
  begin(levers: Levers): void;
  end(levers: Levers): void;
}

/** One of each kind, five seconds long, with fifteen seconds of peace after each. */
export function faultsOf(instances: readonly string[], random: Random): readonly Fault[] {
  const some = (share: number): readonly string[] => instances.filter(() => random.next() < share);
  const crashed = some(0.15);
  const slow = some(0.1);
  const apart = some(0.2);
  return [
    {
      name: 'crashes',
      fromMs: 5000,
      toMs: 10_000,
      begin: ({ crash }) => crashed.forEach(crash),
      end: ({ restart }) => crashed.forEach(restart),
    },
    {
      name: 'slow instances',
      fromMs: 25_000,
      toMs: 30_000,
      begin: (levers) => slow.forEach((instance) => levers.slow(instance, 20)),
      end: (levers) => slow.forEach((instance) => levers.slow(instance, 1)),
    },
    {
      name: 'partition',
      fromMs: 45_000,
      toMs: 50_000,
      begin: ({ cutOff }) => cutOff(apart, true),
      end: ({ cutOff }) => cutOff(apart, false),
    },
    {
      name: 'overload',
      fromMs: 65_000,
      toMs: 70_000,
      begin: ({ load }) => load(overload),
      end: ({ load }) => load(1),
    },
  ];
}

/** How many times its usual load the mesh gets: far over what its instances can do. */
const overload = 15;
