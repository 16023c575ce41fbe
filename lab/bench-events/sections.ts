import type { Section } from '../suite/section.ts';
import type { SectionName } from './bars.ts';

/** In the order in which they run; loaded one at a time: what a section imports is in the heap of no other. */
export const sections: Readonly<Record<SectionName, () => Promise<Section>>> = {
  publish: async () => (await import('./sections/publish.ts')).publish,
  relay: async () => (await import('./sections/relay.ts')).relay,
  latency: async () => (await import('./sections/latency.ts')).latency,
  inbox: async () => (await import('./sections/inbox.ts')).inbox,
  partitions: async () => (await import('./sections/partitions.ts')).partitionsSection,
  replay: async () => (await import('./sections/replay.ts')).replay,
  peers: async () => (await import('./sections/peers.ts')).peers,
  heap: async () => (await import('./sections/heap.ts')).heap,
};
