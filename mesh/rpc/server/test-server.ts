import { type ChannelCredentials, type Client, credentials } from '@grpc/grpc-js';
import type { Log, LogFields } from '../../kernel/log.ts';
import { weftImage } from '../../schema/image.ts';
import type { SpanRecord } from '../../telemetry/spans.ts';
import { createServer, type MeshServer, type ServerOptions } from './server.ts';

type ClientConstructor<C extends Client> = new (
  address: string,
  credentials: ChannelCredentials,
  options?: object,
) => C;

/** A server on a free port, with what it logged and recorded; for tests of this room. */
export interface TestServer {
  readonly server: MeshServer;
  readonly address: string;
  readonly port: number;
  /** What was logged, as "level message". */
  readonly lines: string[];
  readonly logged: LogFields[];
  readonly spans: SpanRecord[];
  /** A plain grpc-js client of ts-proto on its own connection; closed with the server. */
  client<C extends Client>(constructor: ClientConstructor<C>): C;
  close(): Promise<void>;
}

/** Starts a server with whatever `add` adds. */
export async function startTestServer(
  add: (server: MeshServer) => void,
  options: Partial<ServerOptions> = {},
): Promise<TestServer> {
  const lines: string[] = [];
  const logged: LogFields[] = [];
  const spans: SpanRecord[] = [];
  const clients: Client[] = [];
  const log = recordingLog(lines, logged);
  const record = (span: SpanRecord): void => {
    spans.push(span);
  };
  const server = createServer({ image: weftImage(), log, spans: { record }, ...options });
  add(server);
  const { host, port } = await server.listen();
  const address = `${host}:${String(port)}`;
  return {
    server,
    address,
    port,
    lines,
    logged,
    spans,
    client(constructor) {
      // A pool of its own: tests must not share a connection that another one breaks.
      const own = { 'grpc.use_local_subchannel_pool': 1 };
      const client = new constructor(address, credentials.createInsecure(), own);
      clients.push(client);
      return client;
    },
    async close() {
      for (const client of clients) client.close();
      await server.close();
    },
  };
}

function recordingLog(lines: string[], logged: LogFields[]): Log {
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}): void => {
      lines.push(`${level} ${message}`);
      logged.push(fields);
    };
  const log: Log = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => log,
  };
  return log;
}
