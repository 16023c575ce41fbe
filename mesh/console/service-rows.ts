import { sum } from '../admin/golden.ts';
import type { ConsumerRow } from '../admin/mesh-events.ts';
import type { ServiceRow as Measured, MeshStats } from '../admin/mesh-stats.ts';
import { ofCalls, type Verdict, worstOf } from './judge.ts';
import type { Look } from './look.ts';

/** One service as the console shows it. */
export interface ServiceRow {
  readonly service: string;
  /** What it measured of itself; undefined when nobody of it answers. */
  readonly measured: Measured | undefined;
  readonly instances: readonly InstanceRow[];
  /** What it did with events. */
  readonly heardPerSecond: number;
  readonly verdict: Verdict;
  /** What is wrong, in a few words each. */
  readonly faults: readonly string[];
}

/** One instance, as far as anybody knows it. */
export interface InstanceRow {
  readonly id: string;
  /** Empty when it is not known. */
  readonly address: string;
  readonly version: string;
  /** Of Consul, "passing"; else what its supervisor says, "stopped"; else "gone". */
  readonly health: string;
  /** Whether it answered the console. */
  readonly answers: boolean;
  /** Undefined where no supervisor counts. */
  readonly restarts: number | undefined;
  readonly lastExit: string | undefined;
  readonly startedAtMs: number | undefined;
}

/** All services that anybody knows of, by name. */
export function serviceRows(
  look: Look,
  { services: measured, consumers }: Pick<MeshStats, 'services' | 'consumers'>,
): ServiceRow[] {
  const { services, processes = [] } = look;
  const names = new Set([...services.value, ...processes.map(({ service }) => service)]);
  return [...names].sort().map((service) => {
    const own = measured.find((each) => each.service === service);
    const instances = instanceRows(service, look);
    const hearing = consumers.filter((each) => each.service === service);
    const faults = [...faultsOf(instances), ...hearing.flatMap(hearingFaults)];
    const heardPerSecond = sum(hearing, (each) => each.handledPerSecond);
    // One that Consul finds well and that does not answer may be no weft process at all.
    const fresh = look.instances.trouble === undefined;
    const down = !instances.some(({ answers, health }) => {
      return answers || (fresh && health === 'passing');
    });
    const standing: Verdict = down ? 'failing' : faults.length > 0 ? 'uneasy' : 'idle';
    const hears: Verdict = heardPerSecond > 0 ? 'well' : 'idle';
    const verdict = worstOf([standing, hears, ofCalls(own?.successRate)]);
    return { ...{ service, instances, faults, heardPerSecond }, measured: own, verdict };
  });
}

function instanceRows(service: string, look: Look): InstanceRow[] {
  const known = look.instances.value.filter((each) => each.service === service);
  const processes = (look.processes ?? []).filter((each) => each.service === service);
  const ids = new Set([...known.map(({ id }) => id), ...processes.map((each) => each.instanceId)]);
  const answered = new Set(look.stats.map(({ instanceId }) => instanceId));
  return [...ids].sort(byNumber).map((id) => {
    const inConsul = known.find((each) => each.id === id);
    const process = processes.find((each) => each.instanceId === id);
    return {
      ...{ id, answers: answered.has(id), health: healthOf(inConsul?.health, process?.state) },
      ...{ address: inConsul?.address ?? '', version: inConsul?.version ?? '' },
      ...{ restarts: process?.restarts, lastExit: process?.lastExit },
      startedAtMs: process?.startedAtMs,
    };
  });
}

/** orders-10 after orders-9. */
function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

const spoken: Readonly<Record<string, string>> = { waiting: 'restarting', ready: 'unregistered' };

function healthOf(inConsul: string | undefined, state: string | undefined): string {
  if (state !== undefined && state !== 'ready') return spoken[state] ?? state;
  return inConsul ?? (state === undefined ? 'gone' : (spoken[state] ?? state));
}

function hearingFaults({ consumer, states, deadLetters }: ConsumerRow): string[] {
  const away = Object.keys(states).filter((state) => state !== 'consuming');
  const letters = deadLetters === 1 ? '1 dead letter' : `${deadLetters} dead letters`;
  return [...away.map((state) => `${consumer} is ${state}`), ...(deadLetters > 0 ? [letters] : [])];
}

function faultsOf(instances: readonly InstanceRow[]): string[] {
  if (instances.length === 0) return ['no instance'];
  const bad = instances.filter(({ health }) => health !== 'passing');
  const mute = instances.filter(({ health, answers }) => health === 'passing' && !answers);
  const told = [...Map.groupBy(bad, ({ health }) => health)].map(
    ([health, those]) => `${those.length} ${health}`,
  );
  return mute.length === 0 ? told : [...told, `${mute.length} without an answer`];
}
