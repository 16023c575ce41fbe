import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { Behavior, CServiceClient } from '#gen/chain/c/v1/c.ts';
import { type Closeable } from '#mesh';
import { freePort } from '../../../mesh/testing/ports.ts';
import { promised } from './plain.ts';
import type { Kind, MemberOptions, Report, Role } from './wire.ts';

/** How a chain is manned. */
export interface CrewOptions {
  readonly kind: Kind;
  readonly consul: string;
  /** How many of each. */
  readonly instances: Readonly<Record<Role, number>>;
  /** Of several C only one works. */
  readonly standby: boolean;
  readonly external: MemberOptions['external'];
}

/** The processes of one chain. */
export interface Crew extends Closeable {
  /** Where A listens, "host:port". */
  readonly front: string;
  /** Calls in hand, over all instances of a role. */
  inFlight(role: Role): number;
  /** kill -9; resolves when the process is gone. */
  kill(instance: string): Promise<void>;
  /** Starts it again, as it was. */
  start(instance: string): Promise<void>;
  /** Lets the external resource of an instance of C hang, or be well again. */
  setHanging(instance: string, hanging: boolean): Promise<void>;
}

interface Member {
  readonly options: MemberOptions;
  child: ChildProcess | undefined;
  inFlight: number;
}

const program = join(import.meta.dirname, 'member.ts');

/** Starts a whole chain, its end first, and resolves when all of it is ready. */
export async function startCrew(options: CrewOptions): Promise<Crew> {
  const members = await manned(options);
  const named = (instance: string): Member => {
    const member = members.get(instance);
    if (member === undefined) throw new Error(`there is no ${instance}`);
    return member;
  };
  const crew: Crew = {
    front: addressOf(named('a-1')),
    inFlight: (role) =>
      [...members.values()]
        .filter((member) => member.options.role === role)
        .reduce((sum, member) => sum + member.inFlight, 0),
    async kill(instance) {
      const member = named(instance);
      const { child } = member;
      if (child?.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      member.inFlight = 0;
    },
    start: (instance) => start(named(instance)),
    async setHanging(instance, hanging) {
      const c = new CServiceClient(addressOf(named(instance)), credentials.createInsecure());
      const behavior = hanging ? Behavior.HANG : Behavior.WELL;
      await promised((done) => c.behave({ behavior, delayMs: 0 }, done));
      c.close();
    },
    async close() {
      await Promise.all([...members.keys()].map((instance) => crew.kill(instance)));
    },
  };
  try {
    for (const role of ['c', 'b', 'a'] as const) {
      // One by one: with a lock, the first one is the one that works.
      for (const member of members.values()) {
        if (member.options.role === role) await start(member);
      }
    }
    return crew;
  } catch (thrown) {
    await crew.close();
    throw thrown;
  }
}

async function manned(options: CrewOptions): Promise<ReadonlyMap<string, Member>> {
  const { kind, consul, instances, standby, external } = options;
  const members = new Map<string, Member>();
  let next: string[] = [];
  for (const role of ['c', 'b', 'a'] as const) {
    const here: Member[] = [];
    for (let i = 1; i <= instances[role]; i++) {
      here.push({
        child: undefined,
        inFlight: 0,
        options: {
          ...{ kind, role, consul, external, next },
          instance: `${role}-${String(i)}`,
          port: await freePort(),
          choose: standby && role === 'b' ? 'pick_first' : 'round_robin',
          standby: standby && role === 'c',
        },
      });
    }
    for (const member of here) members.set(member.options.instance, member);
    next = here.map(addressOf);
  }
  return members;
}

function addressOf({ options }: Pick<Member, 'options'>): string {
  return `127.0.0.1:${String(options.port)}`;
}

/** Forks the process and resolves when it says that it is ready. */
async function start(member: Member): Promise<void> {
  const child = fork(program, {
    env: { ...process.env, MEMBER: JSON.stringify(member.options) },
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  member.child = child;
  const ready = Promise.withResolvers<void>();
  child.on('message', (report: Report) => {
    if (report.what === 'ready') ready.resolve();
    else if (member.child === child && child.signalCode === null) member.inFlight = report.inFlight;
  });
  child.once('exit', (code, signal) => {
    ready.reject(new Error(`${member.options.instance} ended with ${String(code ?? signal)}`));
  });
  await ready.promise;
}
