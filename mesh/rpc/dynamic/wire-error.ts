import { Metadata } from '@grpc/grpc-js';
import { MeshError } from '../../kernel/error.ts';
import { type CallFacts, toMeshError, type WireStatus } from '../status.ts';

/** What a grpc-js stream threw, as weft's error; a MeshError stays what it is. */
export function wireError(thrown: unknown, facts: CallFacts): MeshError {
  return isWireStatus(thrown) ? toMeshError(thrown, facts) : MeshError.from(thrown);
}

function isWireStatus(thrown: unknown): thrown is WireStatus {
  return (
    typeof thrown === 'object' &&
    thrown !== null &&
    'code' in thrown &&
    'details' in thrown &&
    'metadata' in thrown &&
    thrown.metadata instanceof Metadata
  );
}
