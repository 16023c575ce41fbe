import { FileDescriptorProto } from '../../../gen/google/protobuf/descriptor.ts';
import {
  ServerReflectionClient,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../../gen/grpc/reflection/v1/reflection.ts';
import { ServerReflectionClient as ServerReflectionAlphaClient } from '../../../gen/grpc/reflection/v1alpha/reflection.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { statusName } from '../../kernel/status.ts';
import { type Image, imageOfFiles } from '../../schema/image.ts';
import { type ChannelSecured, insecure } from '../mtls/channel.ts';
import { onAbort } from '../signals.ts';
import { wireError } from './wire-error.ts';

/**
 * The reading side of reflection. Files come in any order, with or without their imports, from servers of
 * any make (grpc-go sends imports unasked, others never), so everything is collected until nothing that is
 * imported is missing, and then put in order.
 */

/** What a server tells of itself by reflection. */
export interface RemoteSchema {
  /** "host:port". */
  readonly address: string;
  /** The services it serves, sorted. */
  readonly services: readonly string[];
  /** The contracts of what was asked for, with everything they import. */
  readonly image: Image;
}

export interface SchemaOptions {
  /** "host:port". */
  readonly address: string;
  /** How it is reached. Default: without TLS. */
  readonly secured?: ChannelSecured | undefined;
  /** The fully qualified name whose contract is wanted. Default: every service that is served. */
  readonly symbol?: string;
  readonly signal?: AbortSignal;
  /** Default 5000 ms. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

type Question = NonNullable<ServerReflectionRequest['messageRequest']>;
type Answer = NonNullable<ServerReflectionResponse['messageResponse']>;
type Ask = (question: Question) => Promise<Answer>;

/** Newest first: an older server knows only the second, and weft's own knows both. */
const protocols = [ServerReflectionClient, ServerReflectionAlphaClient];

/**
 * Asks a server for its contracts. Throws UNAVAILABLE if it cannot be reached, UNIMPLEMENTED / NO_REFLECTION
 * if it does not tell, NOT_FOUND / UNKNOWN_SYMBOL for a symbol that it does not know.
 */
export async function readSchema(options: SchemaOptions): Promise<RemoteSchema> {
  for (const Protocol of protocols) {
    try {
      return await readOver(Protocol, options);
    } catch (thrown) {
      if (MeshError.from(thrown).status !== 'UNIMPLEMENTED') throw thrown;
    }
  }
  throw new MeshError(
    `the server at ${options.address} does not tell its contracts (gRPC reflection v1 or v1alpha); switch reflection on there`,
    { status: 'UNIMPLEMENTED', reason: 'NO_REFLECTION' },
  );
}

async function readOver(
  Protocol: (typeof protocols)[number],
  options: SchemaOptions,
): Promise<RemoteSchema> {
  const { address, secured = insecure, symbol, signal } = options;
  const { timeoutMs = 5000, clock = systemClock } = options;
  const client = new Protocol(address, secured.credentials, secured.options);
  const call = client.serverReflectionInfo({ deadline: clock.now() + timeoutMs });
  const release = onAbort(signal, () => {
    call.cancel();
  });
  const answers: AsyncIterator<unknown> = call[Symbol.asyncIterator]();
  const ask: Ask = async (messageRequest) => {
    call.write({ host: '', messageRequest });
    const step = await answers.next();
    return answerIn(step.done === true ? undefined : step.value, messageRequest, address);
  };
  try {
    const services = await listServices(ask);
    const files = await fetchFiles(symbol === undefined ? services : [symbol], ask);
    return { address, services, image: imageOfFiles(importsFirst(files)) };
  } catch (thrown) {
    const { serviceName: service } = Protocol;
    throw reached(
      wireError(thrown, { service, method: 'ServerReflectionInfo', endpoint: address }),
    );
  } finally {
    release();
    call.end();
    client.close();
  }
}

/** What grpc-js says of a server that is not there, in words for who has mistyped its address. */
function reached(error: MeshError): MeshError {
  const { rawMessage, details } = error;
  const [, why] =
    /(?:Last error: (?:Error: )?|(?=Name resolution failed))(.+?)(?:\. Resolution note: .*)?$/.exec(
      rawMessage,
    ) ?? [];
  if (error.status !== 'UNAVAILABLE' || why === undefined) return error;
  return new MeshError(
    `no gRPC server answers at ${details.facts?.['endpoint'] ?? 'this address'} (${why}): is it up, without TLS, and is this its address?`,
    { status: 'UNAVAILABLE', reason: 'NO_SERVER', details, cause: error },
  );
}

function answerIn(message: unknown, question: Question, address: string): Answer {
  const answer = isResponse(message) ? message.messageResponse : undefined;
  if (answer === undefined) {
    throw new MeshError(`the server at ${address} ended reflection without an answer`, {
      status: 'UNAVAILABLE',
      reason: 'NO_ANSWER',
    });
  }
  if (answer.$case !== 'errorResponse') return answer;
  const { errorCode, errorMessage } = answer.value;
  const asked = typeof question.value === 'string' ? question.value : question.$case;
  throw new MeshError(`the server at ${address} does not know ${asked}: ${errorMessage}`, {
    status: statusName(errorCode),
    reason: 'UNKNOWN_SYMBOL',
  });
}

function isResponse(message: unknown): message is ServerReflectionResponse {
  return typeof message === 'object' && message !== null && 'messageResponse' in message;
}

async function listServices(ask: Ask): Promise<string[]> {
  const answer = await ask({ $case: 'listServices', value: '' });
  if (answer.$case !== 'listServicesResponse') return [];
  return answer.value.service.map(({ name }) => name).sort();
}

interface RemoteFile {
  readonly bytes: Uint8Array;
  readonly imports: readonly string[];
}

/** The files of the symbols and of all that they import; servers may send imports unasked, or not. */
async function fetchFiles(symbols: readonly string[], ask: Ask): Promise<Map<string, RemoteFile>> {
  const files = new Map<string, RemoteFile>();
  const take = (answer: Answer): void => {
    if (answer.$case !== 'fileDescriptorResponse') return;
    for (const bytes of answer.value.fileDescriptorProto) {
      const { name = '', dependency } = FileDescriptorProto.decode(bytes);
      files.set(name, { bytes, imports: dependency });
    }
  };
  for (const value of symbols) take(await ask({ $case: 'fileContainingSymbol', value }));
  for (let missing = firstMissing(files); missing !== undefined; missing = firstMissing(files)) {
    const asked = missing;
    take(await ask({ $case: 'fileByFilename', value: asked }));
    if (!files.has(asked)) files.set(asked, { bytes: new Uint8Array(), imports: [] });
  }
  return files;
}

function firstMissing(files: ReadonlyMap<string, RemoteFile>): string | undefined {
  return [...files.values()].flatMap(({ imports }) => imports).find((name) => !files.has(name));
}

/** A descriptor set is read from the front: what is imported must be known by then. */
function importsFirst(files: ReadonlyMap<string, RemoteFile>): Uint8Array[] {
  const ordered = new Map<string, Uint8Array>();
  const visited = new Set<string>();
  function visit(name: string): void {
    const file = files.get(name);
    if (file === undefined || visited.has(name)) return;
    visited.add(name);
    for (const each of file.imports) visit(each);
    ordered.set(name, file.bytes);
  }
  for (const name of files.keys()) visit(name);
  return [...ordered.values()];
}
