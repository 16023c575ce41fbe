import type { Section } from '../suite/section.ts';
import type { SectionName } from './bars.ts';

/** In the order in which they run; loaded one at a time: what a section imports is in the heap of no other. */
export const sections: Readonly<Record<SectionName, () => Promise<Section>>> = {
  unary: async () => (await import('./sections/unary.ts')).unary,
  peers: async () => (await import('./sections/peers.ts')).peersSection,
  bodies: async () => (await import('./sections/bodies.ts')).bodies,
  methods: async () => (await import('./sections/methods.ts')).methods,
  streams: async () => (await import('./sections/streams.ts')).streams,
  rate: async () => (await import('./sections/rate.ts')).rate,
  unix: async () => (await import('./sections/unix.ts')).unix,
  sidecar: async () => (await import('./sections/sidecar.ts')).sidecar,
  'slow-backend': async () => (await import('./sections/slow-backend.ts')).slowBackend,
  discovery: async () => (await import('./sections/discovery.ts')).discovery,
  picks: async () => (await import('./sections/picks.ts')).picks,
  split: async () => (await import('./sections/split.ts')).split,
  heap: async () => (await import('./sections/heap.ts')).heap,
};
