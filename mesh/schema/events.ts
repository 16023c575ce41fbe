import {
  type DescriptorProto,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { Command, Document, Event } from '../../gen/weft/v1/options.ts';
import { MeshError } from '../kernel/error.ts';
import { checkServiceName, checkToken } from '../kernel/names.ts';
import { fieldKey } from './names.ts';
import { optionBytes } from './options.ts';
import { type DeclaredMessage, isInOneof } from './outline.ts';

/** What a message is to whoever receives it. */
export type EventKind = 'event' | 'command' | 'document';

/** What the schema says of a message that travels (weft.v1.event, weft.v1.command or weft.v1.document). */
export interface EventOptions {
  readonly kind: EventKind;
  /** The channel: a JetStream stream of this name. All its messages are of one kind. */
  readonly channel: string;
  /** The key of the field whose value orders the messages, as ts-proto names it: "orderId". */
  readonly keyField: string;
  /** Into how many partitions the channel is divided; 0: not divided. */
  readonly partitions: number;
  /** The one service that handles it; commands only. */
  readonly owner?: string;
  /** The full name of the message with which it is replied, if it is. */
  readonly reply?: string;
}

/** The field numbers of the options in weft/v1/options.proto, with what reads them. */
const readers: Readonly<Record<EventKind, { number: number; read(bytes: Uint8Array): Said }>> = {
  event: { number: 50802, read: (bytes) => Event.decode(bytes) },
  command: { number: 50804, read: (bytes) => Command.decode(bytes) },
  document: { number: 50805, read: (bytes) => Document.decode(bytes) },
};
const kinds: readonly EventKind[] = ['event', 'command', 'document'];

/** Any of the three options as it was written; what one of them lacks is absent. */
interface Said {
  readonly channel: string;
  readonly key: string;
  readonly partitions?: number;
  readonly owner?: string;
  readonly reply?: string;
}

// Every partition is looked after one by one by whoever consumes it; more than this is a mistyped number.
const mostPartitions = 256;

/** What a message says of its travels, if it travels; what cannot be meant is added to `problems`. */
export function eventOf(
  { typeName, proto }: DeclaredMessage,
  problems: string[],
): EventOptions | undefined {
  const marks = kinds.flatMap((kind) => {
    const bytes = optionBytes(proto, readers[kind].number);
    return bytes === undefined ? [] : [{ kind, said: readers[kind].read(bytes) }];
  });
  const [mark, second] = marks;
  if (mark === undefined) return undefined;
  const faults = faultsOf(mark.said, mark.kind, proto);
  if (second !== undefined) faults.push(`is both ${mark.kind} and ${second.kind}; choose one`);
  problems.push(...faults.map((fault) => `${typeName}: ${fault}`));
  return optionsOf(mark.kind, mark.said);
}

/** What cannot be meant of all messages that travel, taken together. */
export function channelFaults(
  events: ReadonlyMap<string, EventOptions>,
  isKnown: (typeName: string) => boolean,
): string[] {
  const replies = [...events].flatMap(([typeName, { reply }]) => {
    if (reply === undefined || isKnown(reply)) return [];
    const named = JSON.stringify(reply);
    return [`${typeName}: reply ${named} must be the full name of a message of the schema`];
  });
  return [...replies, ...disagreements(events)];
}

function optionsOf(kind: EventKind, said: Said): EventOptions {
  const { channel, key, partitions = 0, owner = '', reply = '' } = said;
  return {
    ...{ kind, channel, keyField: fieldKey(key), partitions },
    ...(owner !== '' && { owner }),
    ...(reply !== '' && { reply }),
  };
}

function faultsOf(
  { channel, key, partitions = 0, owner }: Said,
  kind: EventKind,
  message: DescriptorProto,
): string[] {
  const faults: string[] = [];
  check(faults, () => checkToken(channel, `the channel of ${article[kind]} ${kind}`));
  if (channel.startsWith('weft-')) {
    faults.push(
      `channel ${JSON.stringify(channel)} is weft's own: names that begin with "weft-" are`,
    );
  }
  const field = message.field.find(({ name }) => name === key);
  const isString = field?.type === Type.STRING && field.label !== Label.REPEATED;
  if (!isString || isInOneof(field)) {
    const named = JSON.stringify(key);
    faults.push(`key ${named} must name a string field of the message, outside of any oneof`);
  }
  if (partitions > mostPartitions) {
    faults.push(`partitions ${partitions} is above ${mostPartitions}`);
  }
  if (owner !== undefined) check(faults, () => checkServiceName(owner));
  return faults;
}

const article: Readonly<Record<EventKind, string>> = { event: 'an', command: 'a', document: 'a' };

function check(faults: string[], work: () => unknown): void {
  try {
    work();
  } catch (thrown) {
    faults.push(MeshError.from(thrown).rawMessage);
  }
}

/** What all messages of a channel must say alike, and why. */
const common = {
  // A channel of documents forgets what is old, one of commands belongs to somebody.
  kind: 'on what they are',
  // Whoever consumes a channel takes all its partitions.
  partitions: 'on partitions',
  // The consumer of the commands of a channel is one.
  owner: 'on their owner',
} as const;

function disagreements(events: ReadonlyMap<string, EventOptions>): string[] {
  const channels = Map.groupBy(events, ([, { channel }]) => channel);
  return [...channels].flatMap(([channel, members]) =>
    (['kind', 'partitions', 'owner'] as const).flatMap((what) => {
      if (new Set(members.map(([, options]) => options[what])).size === 1) return [];
      const said = members.map(
        ([typeName, options]) => `${typeName} says ${options[what] ?? 'nothing'}`,
      );
      return [`channel ${channel}: its messages must agree ${common[what]}; ${said.join(', ')}`];
    }),
  );
}
