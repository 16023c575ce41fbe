import { z } from 'zod';
import type { Events } from '../../events/events.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import { type Log, silentLog } from '../../kernel/log.ts';
import type { MessageType } from '../../schema/definition.ts';
import type { Image } from '../../schema/image.ts';
import type { SocketCaller, SocketConnection } from '../socket/socket.ts';
import { type Verb, verb } from '../socket/verb.ts';
import { type Filter, filterShape } from './filter.ts';
import { createTopicSource, type TopicSource } from './source.ts';
import { checkPlace, runSubscription } from './subscription.ts';
import { openWindow, type Window } from './window.ts';

/** What may be subscribed to under one name. */
export interface Topic {
  /** The events that it shows, all of one channel. */
  readonly types: readonly Pick<MessageType, '$type'>[];
  /** Who may see it, and with which filter; throws PERMISSION_DENIED. Default: everybody who is connected. */
  allow?(caller: SocketCaller, filter: Filter): void;
}

export interface TopicsOptions {
  /** By name, as { orders: { types: [OrderConfirmed] } }. */
  readonly topics: Readonly<Record<string, Topic>>;
  readonly events: Pick<Events<never>, 'read' | 'channelOf'>;
  readonly image: Image;
  /** Events that are held of each topic in memory, for all who subscribe. Default 1024. */
  readonly windowEvents?: number;
  /** Subscriptions of one connection. Default 16. */
  readonly subscriptions?: number;
  readonly log?: Log;
}

/** Publish and subscribe over sockets: the verbs "subscribe" and "unsubscribe" of a door. */
export interface Topics extends Closeable {
  /** To be among the verbs of the door. */
  readonly verbs: Readonly<Record<string, Verb>>;
}

const subscribing = z.object({
  topic: z.string(),
  filter: filterShape,
  /** The place of the last event that the client has. */
  after: z.int().min(0).optional(),
});

/** Shows events of the mesh to those who are connected. Throws INVALID_ARGUMENT for a topic without types. */
export function createTopics(options: TopicsOptions): Topics {
  const { subscriptions: most = 16 } = options;
  const shown = new Map(
    Object.entries(options.topics).map(([name, topic]) => [name, showing(topic, options)]),
  );
  const running = new WeakMap<SocketConnection, Map<string, AbortController>>();
  const runningOf = (connection: SocketConnection): Map<string, AbortController> => {
    const known = running.get(connection) ?? new Map<string, AbortController>();
    running.set(connection, known);
    return known;
  };
  let given = 0;

  const subscribe = verb(subscribing, async ({ topic: name, filter, after }, connection) => {
    const topic = shown.get(name);
    if (topic === undefined) throw noSuchTopic(name, [...shown.keys()]);
    options.topics[name]?.allow?.(connection.caller, filter);
    const mine = runningOf(connection);
    if (mine.size >= most) throw tooMany(most);
    const window = await topic.window();
    if (after !== undefined) await checkPlace(topic.source, after);
    const id = `s${String(++given)}`;
    const stop = new AbortController();
    mine.set(id, stop);
    const begin = after ?? window.head;
    const signal = AbortSignal.any([stop.signal, connection.signal]);
    const { source } = topic;
    // In a later turn, so that the answer, which tells the name, is out before the first event.
    setImmediate(() => {
      const run = runSubscription({
        ...{ id, connection, source, window, filter, after: begin, signal },
      });
      void run.finally(() => mine.delete(id));
    });
    return { subscription: id, after: begin };
  });
  const unsubscribe = verb(z.object({ subscription: z.string() }), async (said, connection) => {
    const stop = runningOf(connection).get(said.subscription);
    stop?.abort();
    return { ended: stop !== undefined };
  });
  return {
    verbs: { subscribe, unsubscribe },
    async close() {
      await Promise.all([...shown.values()].map((each) => each.close()));
    },
  };
}

interface Showing extends Closeable {
  readonly source: TopicSource;
  /** Opened for the first who asks, and then held. */
  window(): Promise<Window>;
}

function showing({ types }: Topic, options: TopicsOptions): Showing {
  const { events, image, windowEvents: size = 1024, log = silentLog } = options;
  const source = createTopicSource({ events, image, types });
  let opening: Promise<Window> | undefined;
  return {
    source,
    window() {
      opening ??= openWindow({ source, size, log }).catch((thrown: unknown) => {
        opening = undefined;
        throw thrown;
      });
      return opening;
    },
    async close() {
      await (await opening)?.close();
    },
  };
}

function noSuchTopic(name: string, known: readonly string[]): MeshError {
  return new MeshError(`there is no topic "${name.slice(0, 64)}"; there are ${known.join(', ')}`, {
    status: 'NOT_FOUND',
    reason: 'NO_SUCH_TOPIC',
  });
}

function tooMany(most: number): MeshError {
  return new MeshError(
    `this connection has ${String(most)} subscriptions; unsubscribe from one, or widen a filter`,
    { status: 'RESOURCE_EXHAUSTED', reason: 'TOO_MANY_SUBSCRIPTIONS' },
  );
}
