import type { Consul } from '../consul/client.ts';
import type { RegisteredService } from '../consul/types.ts';
import { openConsulIdentity } from '../identity/consul.ts';
import type { Identity } from '../identity/identity.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { mtlsKey } from '../kernel/endpoint.ts';
import { MeshError } from '../kernel/error.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import { createLaneTransport } from '../rpc/lane/transport.ts';
import { type ChannelSecured, channelSecurity } from '../rpc/mtls/channel.ts';
import { createPlainTransport, type PlainTransport } from '../rpc/plain/transport.ts';
import type { Transport } from '../rpc/transport.ts';

/** Who calls, and whom to ask for a certificate. */
export interface GuestOptions {
  readonly consul: Consul;
  /** Whose certificate it shows where one is asked for, as "weft-cli": intentions know it by that name. */
  readonly name: string;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/** What is known of an instance when Consul has told of it. */
export type Met = Pick<RegisteredService, 'service' | 'meta'>;

/** A program that calls services of a mesh and is none itself: a command, a demo, a script. */
export interface Guest extends Closeable {
  /** Calls each instance as it says that it is called: by mutual TLS, or without TLS. */
  readonly transport: Transport;
  /**
   * Gets a certificate if one of these is only called with one; to be awaited before they are called. Throws
   * NO_IDENTITY, in the status of what Consul said, if Consul gives none; the next time it is asked again.
   */
  meet(instances: readonly Met[]): Promise<void>;
  /** How a channel of grpc-js to such an instance is made; undefined: without TLS. Throws as `meet` does. */
  channelTo(instance: Met): Promise<ChannelSecured | undefined>;
}

/** How long Consul may take to make a certificate, in ms: without a leader it thinks for 7 s itself. */
const leafWithinMs = 10_000;

/**
 * Whether a mesh has identities is found out from what its instances say in discovery. Nothing is opened and
 * nobody is asked before there is one that takes mutual TLS only.
 */
export function createGuest({ consul, name, clock = systemClock }: GuestOptions): Guest {
  const open = createPlainTransport({ clock });
  let secure: PlainTransport | undefined;
  let coming: Promise<Identity> | undefined;
  const identity = async (): Promise<Identity> => {
    try {
      const opened = await (coming ??= openIdentity(consul, name, clock));
      secure ??= createPlainTransport({ clock, identity: opened });
      return opened;
    } catch (thrown) {
      coming = undefined;
      throw thrown;
    }
  };
  const plain: PlainTransport = {
    maxMessageBytes: open.maxMessageBytes,
    // An instance that wants TLS, of a guest who has no certificate, is refused by `open` in its own words.
    open(endpoint, how) {
      const chosen = endpoint.metadata[mtlsKey] === '1' ? (secure ?? open) : open;
      return chosen.open(endpoint, how);
    },
  };
  return {
    transport: createLaneTransport({ plain, clock }),
    async meet(instances) {
      if (instances.some(takesTls)) await identity();
    },
    async channelTo(instance) {
      if (!takesTls(instance)) return undefined;
      return channelSecurity(await identity()).of(instance.service);
    },
    async close() {
      const opened = await coming?.catch(() => undefined);
      await opened?.close();
    },
  };
}

function takesTls({ meta }: Met): boolean {
  return meta[mtlsKey] === '1';
}

async function openIdentity(consul: Consul, name: string, clock: Clock): Promise<Identity> {
  const late = new AbortController();
  const cancel = clock.after(2 * leafWithinMs, () => {
    late.abort();
  });
  try {
    // Asked once by itself: an identity waits for a Consul that is away, and a person would not know for what.
    await consul.leaf(name, { timeoutMs: leafWithinMs });
    return await openConsulIdentity({ consul, service: name, clock, signal: late.signal });
  } catch (thrown) {
    const { rawMessage, status } = MeshError.from(thrown);
    throw new MeshError(
      `this mesh is called with a certificate only, and Consul gives "${name}" none (${rawMessage}): its servers need connect { enabled = true }, and its ACLs service:write for "${name}"`,
      { status, reason: 'NO_IDENTITY', cause: thrown },
    );
  } finally {
    cancel();
  }
}
