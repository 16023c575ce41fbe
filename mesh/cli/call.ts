import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Command, InvalidArgumentError } from 'commander';
import type { Metadata } from '../kernel/call.ts';
import { childTrace, formatTraceparent } from '../kernel/context.ts';
import { describe, MeshError } from '../kernel/error.ts';
import { systemRandom } from '../kernel/random.ts';
import { callDynamic } from '../rpc/dynamic/call.ts';
import { describeSymbol, type ServiceSummary, summarize } from '../rpc/dynamic/describe.ts';
import { parseMethod } from '../rpc/dynamic/method.ts';
import { readSchema } from '../rpc/dynamic/schema.ts';
import { defaultTarget } from '../schema/definition.ts';
import { type Callee, findCallee, findTargets, type TargetOptions } from './call-target.ts';
import { type Environment, environment } from './environment.ts';

/**
 * `weft call`: grpcurl's work without grpcurl, and without an address to remember. Answers go to the output,
 * one line of JSON each, so that they can be piped into jq; everything else goes to the error output.
 */

/** Where a call reads and writes; a test holds the other ends. */
export interface CallIo {
  /** One line of the answer. */
  print(line: string): void;
  /** One line of what went wrong. */
  complain(line: string): void;
  /** The command failed: exit code 1. */
  fail(): void;
  readonly input: Readable;
  readonly environment: Environment;
}

interface CallOptions extends TargetOptions {
  readonly target?: string;
  readonly header?: Metadata;
  readonly timeout?: number;
  readonly list?: true;
  readonly describe?: true;
  readonly trace?: true;
}

export function callCommand(io: CallIo = processIo()): Command {
  return new Command('call')
    .description(
      'call any method of any gRPC server with JSON; its contract is asked of the server',
    )
    .argument(
      '[method]',
      'as shop.orders.v1.OrdersService/PlaceOrder; with -l or -d also less of it',
    )
    .argument('[requests...]', 'JSON, one document each; - reads them from the input, one a line')
    .option('-a, --address <host:port>', 'whom to call; default: an instance that Consul knows')
    .option('-c, --consul <url>', 'which Consul to ask; default: MESH_CONSUL, or that of weft up')
    .option('-t, --target <name>', 'the name in Consul; default: the package, as "orders"')
    .option('-H, --header <key:value>', 'metadata to send; may be repeated', addHeader)
    .option('--timeout <ms>', 'longest time; default 10000, none for streams', parseMs)
    .option('--trace', 'give the call a trace, and say how to see it (weft trace)')
    .option('-l, --list', 'list services and their methods')
    .option('-d, --describe', 'show a service, method or message in the words of its proto file')
    .action(async (method: string | undefined, requests: string[], options: CallOptions) => {
      try {
        await run(method, requests, { options, io });
      } catch (thrown) {
        for (const line of failureLines(MeshError.from(thrown))) io.complain(line);
        io.fail();
      } finally {
        // A server may end a stream that the input still feeds; nobody reads the rest.
        io.input.destroy();
      }
    });
}

interface Job {
  readonly options: CallOptions;
  readonly io: CallIo;
}

async function run(
  method: string | undefined,
  requests: readonly string[],
  job: Job,
): Promise<void> {
  if (job.options.list === true) return list(method, job);
  if (method === undefined) {
    throw new MeshError('which method? weft call --list shows what there is', {
      status: 'INVALID_ARGUMENT',
      reason: 'NO_METHOD',
    });
  }
  if (job.options.describe === true) return describeOne(method, job);
  const { io, options } = job;
  const { service } = parseMethod(method);
  if (!service.includes('.') && options.address === undefined && options.target === undefined) {
    throw new MeshError(
      `"${service}" has no package to find its instances by: write all of the name, as "shop.orders.v1.${service}", or say where it is with -t or -a; weft call --list shows what is served`,
      { status: 'INVALID_ARGUMENT', reason: 'NO_PACKAGE' },
    );
  }
  const callee = await calleeFor(service, job);
  const metadata = { ...options.header, ...(options.trace && traceHeader(io)) };
  const answers = callDynamic({
    ...callee,
    method,
    ...(requests.length > 0 && { messages: documents(requests, io.input) }),
    metadata,
    ...(options.timeout !== undefined && { timeoutMs: options.timeout }),
  });
  for await (const answer of answers) io.print(JSON.stringify(answer));
}

/** A trace of the call's own (W3C Trace Context), told beside the answer. */
function traceHeader(io: CallIo): Metadata {
  const trace = childTrace(undefined, systemRandom);
  io.complain(`weft trace ${trace.traceId} draws what comes of this call`);
  return { traceparent: formatTraceparent(trace) };
}

/** The services of one server, or of one instance of each service that Consul's agent knows. */
async function list(name: string | undefined, job: Job): Promise<void> {
  const { options, io } = job;
  const isOne = options.address !== undefined || name !== undefined || options.target !== undefined;
  const targets = isOne
    ? [targetOf(name ?? '', options)]
    : await findTargets(options, io.environment);
  const listed = new Set<string>();
  for (const target of targets) {
    const callee = await findCallee(target, options, io.environment);
    // What every server has, health and reflection and the like, is told once.
    const services = summarize(await readSchema(callee)).filter(
      ({ service }) => !listed.has(service),
    );
    const asked = services.filter(({ service }) => service === name);
    for (const { service } of services) listed.add(service);
    for (const line of listLines(asked.length > 0 ? asked : services)) io.print(line);
  }
}

function listLines(services: readonly ServiceSummary[]): string[] {
  return services.flatMap(({ service, methods }) => {
    const width = Math.max(0, ...methods.map(({ name }) => name.length));
    return [service, ...methods.map(({ name, kind }) => `  ${name.padEnd(width)}  ${kind}`)];
  });
}

async function describeOne(symbol: string, job: Job): Promise<void> {
  const callee = await calleeFor(symbol.replace(/^\//, '').replace(/\/.*$/, ''), job);
  const { image } = await readSchema(callee);
  job.io.print(describeSymbol(image, symbol));
}

function calleeFor(service: string, { options, io }: Job): Promise<Callee> {
  return findCallee(targetOf(service, options), options, io.environment);
}

/** A name without a dot is what Consul calls it; else the package says what. */
function targetOf(name: string, { target }: CallOptions): string {
  return target ?? (name.includes('.') ? defaultTarget(name) : name);
}

async function* documents(given: readonly string[], input: Readable): AsyncGenerator {
  for (const [i, text] of given.entries()) {
    if (text !== '-') {
      yield parseJson(text, `request ${i + 1}`);
      continue;
    }
    let number = 0;
    for await (const line of createInterface({ input })) {
      number++;
      if (line.trim() !== '') yield parseJson(line, `line ${number} of the input`);
    }
  }
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    throw new MeshError(`${what} is no JSON: ${describe(thrown)}; received ${text.slice(0, 80)}`, {
      status: 'INVALID_ARGUMENT',
      reason: 'INVALID_JSON',
      cause: thrown,
    });
  }
}

/** What the message of a failed call names already. */
const named = new Set(['service', 'method', 'endpoint', 'attempts']);

/** The error as a person reads it: what, then everything that its details hold, a line each. */
function failureLines({ status, reason, rawMessage, details }: MeshError): string[] {
  const { violations = [], facts = {}, retryAfterMs } = details;
  // Fields at fault have a line each below, so the first line does without them.
  const list = violations.map((each) => `${each.field}: ${each.description}`).join('; ');
  const what = list === '' ? rawMessage : rawMessage.replace(`: ${list}`, '');
  return [
    `weft: ${status}${reason === undefined ? '' : ` (${reason})`}: ${what}`,
    ...violations.map(({ field, description }) => `  ${field}: ${description}`),
    ...Object.entries(facts)
      .filter(([name]) => !named.has(name))
      .map(([name, value]) => `  ${name} = ${value}`),
    ...(retryAfterMs === undefined ? [] : [`  may be repeated after ${retryAfterMs} ms`]),
  ];
}

function addHeader(text: string, before: Metadata = {}): Metadata {
  const [, key, value] = /^([^:]+):\s*(.*)$/.exec(text) ?? [];
  if (key === undefined || value === undefined)
    throw new InvalidArgumentError('write it as key:value');
  return { ...before, [key.toLowerCase()]: value };
}

function parseMs(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('say a number of milliseconds');
}

function processIo(): CallIo {
  return {
    print: (line) => console.log(line),
    complain: (line) => console.error(line),
    fail: () => {
      process.exitCode = 1;
    },
    input: process.stdin,
    environment: environment(),
  };
}
