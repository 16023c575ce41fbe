import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import { BinaryWriter as Writer } from '@bufbuild/protobuf/wire';

/** What travels: a name to follow a call by. Nothing is encoded, for there is no wire. */
export interface Note {
  readonly id: string;
}

const note = {
  $type: 'sim.v1.Note',
  encode: (_note: Note, writer: BinaryWriter = new Writer()): BinaryWriter => writer,
  decode: (): Note => ({ id: '' }),
};

/** The one contract of the simulated mesh: every service answers Ask, which may be repeated. */
export const simDefinition = {
  name: 'SimService',
  fullName: 'sim.v1.SimService',
  methods: {
    ask: {
      name: 'Ask',
      requestType: note,
      requestStream: false,
      responseType: note,
      responseStream: false,
      options: { idempotencyLevel: 'IDEMPOTENT' },
    },
  },
} as const;
