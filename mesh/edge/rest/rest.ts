import { createHash } from 'node:crypto';
import { type JsonValue, toBinary } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { isRefusal } from '../../kernel/status.ts';
import type { Image } from '../../schema/image.ts';
import type { Answer, Answers } from '../answers.ts';
import { metadataOf, withPatience } from '../call-options.ts';
import type { Caller } from '../caller.ts';
import type { EdgeRequest } from '../edge-request.ts';
import { errorAnswer } from '../error-body.ts';
import type { Exchange } from '../exchange.ts';
import type { Protocol } from '../protocol.ts';
import { answerJson } from './answer-json.ts';
import { type Binding, makesSomething, nameOfMethod } from './bindings.ts';
import { expand, wantedRelations } from './expand.ts';
import { idempotencyKeyOf, keyFieldOf, setKey } from './idempotency-key.ts';
import { addLinks, halType, selfOf } from './links.ts';
import { answerStream } from './message-stream.ts';
import { isObject } from './read-json.ts';
import { readRequest } from './read-request.ts';
import { readMessages } from './request-body.ts';
import { type Resources, relationsInside, resourcesIn } from './resources.ts';
import { createRouter, type Found } from './router.ts';

const noSideEffects = MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;

export interface RestOptions {
  readonly image: Image;
  readonly caller: Caller;
  readonly bindings: readonly Binding[];
  readonly resources: Resources;
  /** Where answers to requests with a key are kept. Undefined: only contracts with a field for it know keys. */
  readonly answers: Answers | undefined;
  readonly clock: Clock;
}

/** REST by google.api.http: what the contracts say, over JSON. */
export function createRest(options: RestOptions): Protocol {
  const router = createRouter(options.bindings);
  return (request, exchange) => {
    const found = router.find(request.method, request.url);
    if (found === undefined) return undefined;
    exchange.routed(found.binding.template.text);
    const work = { ...options, request, exchange, found };
    return withPatience(request, options.clock, () => serve(work));
  };
}

interface Work extends RestOptions {
  readonly request: EdgeRequest;
  readonly exchange: Exchange;
  readonly found: Found;
}

async function serve(work: Work): Promise<void> {
  const { request, exchange, found, caller, image, clock } = work;
  const { binding } = found;
  const { method } = binding;
  const messages = await requestMessages(work);
  const options = { metadata: metadataOf(request) };
  if (method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming') {
    const answers = caller.stream(method, messages, options);
    const accept = request.headers.accept;
    await answerStream(shown(answers, image, binding), exchange, { accept, clock });
    return;
  }
  const answer = await remembered(work, messages, () => unary(work, messages));
  exchange.reply(answer.status, answer.headers, answer.body);
}

/** The messages that a request stands for, as bytes. */
async function requestMessages({ request, exchange, found, image }: Work): Promise<Uint8Array[]> {
  const { binding, variables } = found;
  const { methodKind, input } = binding.method;
  const takesMany = methodKind === 'client_streaming' || methodKind === 'bidi_streaming';
  const bodies =
    binding.body === 'none' ? [] : readMessages(await exchange.body(), request.headers, takesMany);
  const query = request.url.searchParams;
  const key = idempotencyKeyOf(request);
  const keyField = keyFieldOf(input);
  const all: readonly (JsonValue | undefined)[] = takesMany ? bodies : [bodies[0]];
  return all.map((given) => {
    const body = binding.body === 'all' && isObject(given) ? { ...given } : given;
    // A field is where the key belongs, and only a message in the body has room for it.
    if (key !== undefined && keyField !== undefined && isObject(body)) setKey(body, keyField, key);
    return toBinary(input, readRequest(image, { binding, variables, query, body }));
  });
}

async function* shown(
  answers: AsyncIterable<Uint8Array>,
  image: Image,
  binding: Binding,
): AsyncGenerator<JsonValue> {
  for await (const bytes of answers) yield answerJson(image, binding, bytes).json;
}

/** One call, and what REST makes of its answer. */
async function unary(work: Work, messages: readonly Uint8Array[]): Promise<Answer> {
  const { request, found, image, caller, resources } = work;
  const { binding } = found;
  const options = { metadata: metadataOf(request) };
  const bytes = await caller.unary(binding.method, messages, options);
  const { json, message } = answerJson(image, binding, bytes);
  const things = resourcesIn(resources, message, json);
  const wanted = wantedRelations(request.url.searchParams);
  if (wanted.length > 0) await expand(things, wanted, { image, caller, options });
  const [first] = things;
  const self = first?.json === json ? selfOf(first) : undefined;
  // Where nothing leads on, there are no links to speak of.
  const wantsLinks = (request.headers.accept ?? '').includes(halType);
  const isHal = wantsLinks && relationsInside(resources, message).length > 0;
  if (isHal) addLinks(things);
  const isNew = self !== undefined && makesSomething(binding);
  return {
    status: isNew ? 201 : 200,
    headers: {
      'content-type': isHal ? halType : 'application/json',
      'cache-control': 'no-store',
      ...(isNew && { location: self }),
    },
    body: JSON.stringify(json),
  };
}

/** Whether the answer to a request with a key is kept: where a repetition could do harm, and the contract has no field. */
export function isRemembered({ method, verb }: Binding): boolean {
  const isReading = verb === 'GET' || method.idempotency === noSideEffects;
  const isUnary = method.methodKind === 'unary' || method.methodKind === 'client_streaming';
  return isUnary && !isReading && keyFieldOf(method.input) === undefined;
}

/** Gives the first answer again to a repeated request with a key, where the contract has no field for it. */
async function remembered(
  { answers, request, exchange, found }: Work,
  messages: readonly Uint8Array[],
  make: () => Promise<Answer>,
): Promise<Answer> {
  const key = idempotencyKeyOf(request);
  const { binding } = found;
  if (answers === undefined || key === undefined || !isRemembered(binding)) return make();
  const name = nameOfMethod(binding.method);
  const asked = {
    key: [request.principal?.subject ?? '', name, key].join('\n'),
    fingerprint: fingerprintOf([...messages, Buffer.from(request.url.search)]),
  };
  const { isReplay, ...answer } = await answers.once(asked, () => make().catch(refusalAsAnswer));
  if (isReplay) exchange.header('idempotent-replayed', 'true');
  return answer;
}

/** A refusal is an answer, the same ever after; a failure is none, and may be tried again. */
function refusalAsAnswer(thrown: unknown): Answer {
  const error = MeshError.from(thrown);
  if (isRefusal(error.status)) return errorAnswer(error);
  throw error;
}

function fingerprintOf(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex');
}
