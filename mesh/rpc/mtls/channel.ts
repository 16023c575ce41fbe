import { createSecureContext, type PeerCertificate } from 'node:tls';
import { ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js';
import { checkServer } from '../../identity/caller.ts';
import type { Identity } from '../../identity/identity.ts';
import type { Credentials } from '../../identity/leaf.ts';
import { type Endpoint, mtlsKey } from '../../kernel/endpoint.ts';
import { describe, MeshError } from '../../kernel/error.ts';
import { tlsOptions } from './context.ts';

/** What makes one channel secure. */
export interface ChannelSecured {
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
}

/** What channels are made with. */
export interface ChannelSecurity {
  /** For instances of `service`, with the credentials of this moment. */
  of(service: string): ChannelSecured;
  /** Why no connection to this endpoint should be made now. */
  refusal(endpoint: Endpoint): MeshError | undefined;
  /** Calls `listener` when channels should be made anew; the returned function ends that. */
  onChange(listener: () => void): () => void;
}

/** Channels as they are without an identity. */
export const insecure: ChannelSecured = {
  credentials: ChannelCredentials.createInsecure(),
  options: {},
};

/** Connections as they are without an identity. */
export const noSecurity: ChannelSecurity = {
  of: () => insecure,
  refusal: ({ metadata }) => (metadata[mtlsKey] === '1' ? needsIdentity() : undefined),
  onChange: () => () => undefined,
};

/**
 * Mutual TLS: every channel shows the certificate of this process, and takes a server only for the service that
 * was meant. The name of the host proves nothing here: certificates of a mesh have none, an address comes from
 * discovery, and what counts is who answers at it. There is no way back to plaintext.
 */
export function channelSecurity(identity: Identity | undefined): ChannelSecurity {
  if (identity === undefined) return noSecurity;
  let current: Credentials | undefined;
  // grpc-js lets channels share a connection only if they were made with one and the same object.
  const made = new Map<string, ChannelCredentials>();
  return {
    of(service) {
      if (current !== identity.credentials) made.clear();
      current = identity.credentials;
      const credentials = made.get(service) ?? credentialsFor(service, current);
      made.set(service, credentials);
      // The name for TLS, in place of the address: a server name must not be an IP address (RFC 6066, 3).
      return { credentials, options: { 'grpc.ssl_target_name_override': service } };
    },
    refusal: () => identity.expired(),
    onChange: (listener) => identity.onChange(listener),
  };
}

function needsIdentity(): MeshError {
  return new MeshError('it takes mutual TLS only; set IDENTITY=consul', {
    status: 'UNAVAILABLE',
    reason: 'NEEDS_IDENTITY',
  });
}

function credentialsFor(service: string, credentials: Credentials): ChannelCredentials {
  const checkServerIdentity = (_: string, { raw }: PeerCertificate): Error | undefined => {
    try {
      checkServer(raw, service, credentials.leaf.id);
      return undefined;
    } catch (thrown) {
      return new Error(describe(thrown));
    }
  };
  const context = createSecureContext(tlsOptions(credentials));
  return ChannelCredentials.createFromSecureContext(context, { checkServerIdentity });
}
