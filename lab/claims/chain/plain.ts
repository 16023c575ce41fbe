/**
 * The chain as people begin with grpc-js: the generated stubs as they are. No deadline, so a call waits for as
 * long as it takes; nobody hears of a caller that left; no limit; the addresses of the next ones are known
 * from the start.
 */
import { credentials, Server, ServerCredentials, type ServiceError, status } from '@grpc/grpc-js';
import { AServiceClient, AServiceService, Source } from '#gen/chain/a/v1/a.ts';
import { BServiceClient, BServiceService } from '#gen/chain/b/v1/b.ts';
import { Behavior, CServiceClient, CServiceService } from '#gen/chain/c/v1/c.ts';
import { type Closeable, systemClock } from '#mesh';
import { createExternal } from '../../../services/chain/c/external.ts';
import type { Gauge } from './gauge.ts';
import type { MemberOptions } from './wire.ts';

interface Question {
  question: string;
}
interface Heard {
  answer: string;
  via: string[];
}
type Callback<T> = (error: ServiceError | null, response: T) => void;

/** A call of a generated stub as a promise. */
export function promised<T>(call: (callback: Callback<T>) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, response) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
}

/** Serves one member on its port. */
export async function startPlain(options: MemberOptions, gauge: Gauge): Promise<Closeable> {
  const server = new Server();
  addService(server, options, gauge);
  await new Promise<void>((resolve, reject) => {
    const address = `127.0.0.1:${String(options.port)}`;
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
  return {
    async close() {
      server.forceShutdown();
    },
  };
}

function addService(server: Server, options: MemberOptions, gauge: Gauge): void {
  const { role, instance, next, choose } = options;
  const target = `ipv4:${next.join(',')}`;
  const channel = {
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ [choose]: {} }] }),
  };
  switch (role) {
    case 'a': {
      const b = new BServiceClient(target, credentials.createInsecure(), channel);
      const ask = gauge.counting(async ({ question }: Question) => {
        const { answer, via } = await promised<Heard>((done) => b.ask({ question }, done));
        return { answer, via: [...via, instance], source: Source.CHAIN };
      });
      server.addService(AServiceService, { ask: answering(ask) });
      return;
    }
    case 'b': {
      const c = new CServiceClient(target, credentials.createInsecure(), channel);
      const ask = gauge.counting(async ({ question }: Question) => {
        const { answer, via } = await promised<Heard>((done) => c.ask({ question }, done));
        return { answer, via: [...via, instance] };
      });
      server.addService(BServiceService, { ask: answering(ask) });
      return;
    }
    case 'c':
      addC(server, options, gauge);
  }
}

function addC(server: Server, { instance, external: resource }: MemberOptions, gauge: Gauge): void {
  const external = createExternal({
    ...resource,
    clock: systemClock,
    behavior: { name: 'well' },
    crash: () => process.kill(process.pid, 'SIGKILL'),
  });
  // Nobody passes it on: a handler of grpc-js would have to listen for 'cancelled' and tell the resource.
  const forever = new AbortController().signal;
  const ask = gauge.counting(async ({ question }: Question) => {
    await external.ask(forever);
    return { answer: `C has heard "${question}"`, via: [instance] };
  });
  server.addService(CServiceService, {
    ask: answering(ask),
    behave: answering(async ({ behavior }: { behavior: number }) => {
      external.behave({ name: behavior === Behavior.HANG ? 'hang' : 'well' });
      return {};
    }),
  });
}

/** A handler of grpc-js around a promise. */
function answering<Req, Res>(work: (request: Req) => Promise<Res>) {
  return ({ request }: { request: Req }, callback: (error: object | null, value?: Res) => void) => {
    work(request).then(
      (value) => {
        callback(null, value);
      },
      (thrown: unknown) => {
        // As it came: most people pass the error of their own call on.
        callback(thrown instanceof Error ? thrown : { code: status.UNKNOWN });
      },
    );
  };
}

/** The front end of the plain chain: asks A, and waits. */
export function plainFront(address: string): { ask: () => Promise<unknown> } & Closeable {
  const a = new AServiceClient(address, credentials.createInsecure());
  return {
    ask: () => promised((done) => a.ask({ question: 'is anybody there' }, done)),
    async close() {
      a.close();
    },
  };
}
