import type { PolicyView } from '../admin/ports.ts';
import { peersView, policyView } from '../admin/views.ts';
import { createConsulConfig } from '../config/consul.ts';
import { methodsInImage } from '../config/schema-methods.ts';
import type { Consul } from '../consul/client.ts';
import type { Resolver } from '../discovery/resolver.ts';
import type { Identity } from '../identity/identity.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import type { Log } from '../kernel/log.ts';
import type { Random } from '../kernel/random.ts';
import { createPeers, type Peers } from '../rpc/client/peers.ts';
import { createLaneTransport } from '../rpc/lane/transport.ts';
import { createPlainTransport } from '../rpc/plain/transport.ts';
import type { Image } from '../schema/image.ts';
import { createBalancerEvents } from '../telemetry/balancer-events.ts';
import type { PeersView } from '../telemetry/peers.ts';
import type { SpanSink } from '../telemetry/spans.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Settings } from './settings.ts';

export interface ReachPorts {
  /** Of this process: which part of a large target it uses follows from it. */
  readonly instanceId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly spans: SpanSink;
  readonly image: Image;
  readonly consul: Consul;
  readonly resolver: Resolver;
  readonly telemetry: Telemetry;
  /** Who this process is; undefined: calls go without TLS. */
  readonly identity?: Identity | undefined;
}

/** Those whom this process calls, and what it can tell of them. */
export interface Reach extends Closeable {
  readonly peers: Peers;
  readonly view: PeersView;
  readonly policies: PolicyView;
}

/** The client side of a process: transports, live policy and traffic, and one set of peers for all its clients. */
export function openReach(settings: Settings, ports: ReachPorts): Reach {
  const { clock, random, log, consul, image, telemetry } = ports;
  const config = createConsulConfig({
    consul,
    clock,
    random,
    log,
    methodsOf: methodsInImage(image),
  });
  const plain = createPlainTransport({
    clock,
    unix: settings.sockets !== undefined,
    identity: ports.identity,
  });
  const transport = createLaneTransport({ plain, clock, enabled: settings.lane });
  const peers = createPeers({
    ...{ clock, random, log, spans: ports.spans, metrics: telemetry.rpc },
    ...{ resolver: ports.resolver, transport },
    ...{ policySource: config.policies, trafficSource: config.traffic },
    onBalancer: createBalancerEvents({ log, registry: telemetry.registry }),
    clientId: ports.instanceId,
    ...(settings.zone !== undefined && { zone: settings.zone }),
  });
  const sources = { peers, lanes: transport, policies: config.policies };
  return {
    peers,
    view: peersView(sources),
    policies: policyView(sources),
    async close() {
      config.close();
      await peers.close();
    },
  };
}
