/**
 * The same chat for those who poll: GET /mailbox?after=<place>, POST /messages, POST /acknowledge. No connection
 * is kept, nothing is pushed, and most answers say that there is nothing new.
 */
import type { MessagesServiceDefinition } from '#gen/chat/messages/v1/messages.ts';
import { type Client, MeshError, z } from '#mesh';
import type { EdgeRequest, Exchange, Protocol } from '#mesh/edge';
import { draft } from './verbs.ts';
import { toJson } from './wire.ts';

type Answer = (userId: string, request: EdgeRequest, exchange: Exchange) => Promise<object>;

export function createPolling(messages: Client<MessagesServiceDefinition>): Protocol {
  const routes: Readonly<Record<string, Answer>> = {
    'GET /mailbox': async (userId, { url }) => {
      const after = placeIn(url.searchParams.get('after'));
      const page = await messages.readMailbox({ userId, after, limit: 0 });
      return { messages: page.messages.map(toJson), acknowledged: page.acknowledged };
    },
    'POST /messages': async (sender, _, exchange) => {
      const { to, clientId, text } = read(draft, await exchange.body());
      const { message } = await messages.send({ sender, recipient: to, clientId, text });
      return { messageId: message?.messageId };
    },
    'POST /acknowledge': async (userId, _, exchange) => {
      const { place } = read(z.object({ place: z.int().min(0) }), await exchange.body());
      return messages.acknowledge({ userId, place });
    },
  };
  return (request, exchange) => {
    const route = `${request.method} ${request.url.pathname}`;
    const answer = Object.hasOwn(routes, route) ? routes[route] : undefined;
    return answer && reply(answer, request, exchange);
  };
}

async function reply(answer: Answer, request: EdgeRequest, exchange: Exchange): Promise<void> {
  const body = await answer(request.principal?.subject ?? '', request, exchange);
  exchange.reply(200, { 'content-type': 'application/json' }, JSON.stringify(body));
}

function placeIn(text: string | null): number | undefined {
  if (text === null) return undefined;
  const place = Number(text);
  if (Number.isInteger(place) && place >= 0) return place;
  throw notUsable('"after" is a place: a whole number from 0');
}

function read<T>(shape: z.ZodType<T>, body: Buffer): T {
  let json: unknown;
  try {
    json = JSON.parse(body.toString());
  } catch {
    throw notUsable('the body is no JSON');
  }
  const result = shape.safeParse(json);
  if (result.success) return result.data;
  throw notUsable(z.prettifyError(result.error));
}

function notUsable(why: string): MeshError {
  return new MeshError(why, { status: 'INVALID_ARGUMENT', reason: 'INVALID_FIELDS' });
}
