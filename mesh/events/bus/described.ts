import type { Image } from '../../schema/image.ts';
import type { Bus, Channel } from './bus.ts';

/** A bus whose channels are made as the schema wants them: those of documents keep the latest of each key. */
export function describedBus(bus: Bus, image: Pick<Image, 'events'>): Bus {
  const documents = new Set<string>();
  for (const { kind, channel } of image.events.values()) {
    if (kind === 'document') documents.add(channel);
  }
  const described = (channel: Channel): Channel =>
    documents.has(channel.name) ? { keep: 'latest', ...channel } : channel;
  return {
    ensureChannel: (channel, signal) => bus.ensureChannel(described(channel), signal),
    publish: (messages, signal, epoch) => bus.publish(messages, signal, epoch),
    inspect: (channel, signal) => bus.inspect(channel, signal),
    idAt: (channel, sequence, signal) => bus.idAt(channel, sequence, signal),
    epoch: () => bus.epoch(),
    consume: (options) => bus.consume({ ...options, channel: described(options.channel) }),
    read: (options) => bus.read({ ...options, channel: described(options.channel) }),
    close: () => bus.close(),
  };
}
