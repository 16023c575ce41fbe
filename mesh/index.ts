/** The front door of weft. Services import from here and from their generated code, and from nowhere else. */

export { z } from 'zod';
export { collectTrace } from './admin/collect.ts';
export { toSpan } from './admin/span.ts';
export { renderTrace, traceTree } from './admin/trace-tree.ts';
export { startApp } from './app/app.ts';
export { createGuest, type Guest, type GuestOptions } from './app/guest.ts';
export {
  type App,
  type AppOptions,
  type AppTools,
  type Door,
  implement,
  type Security,
  type ServiceBinding,
  type ServiceParts,
} from './app/options.ts';
// For applications: what a service is written with.
export { runApp } from './app/run.ts';
export { readSettings, type Settings } from './app/settings.ts';
// For whoever composes a life of their own, or extends weft.
export { createConsulConfig } from './config/consul.ts';
export { createMemoryConfig } from './config/memory.ts';
export type { MethodPolicy, PolicySource, TargetPolicy } from './config/policy.ts';
export type { Destination, TrafficPlan, TrafficSource } from './config/traffic.ts';
export { createConsul } from './consul/client.ts';
export { createConsulDiscovery } from './discovery/consul.ts';
export { createMemoryDiscovery } from './discovery/memory.ts';
export type { Lease, Registry } from './discovery/registry.ts';
export type { Resolver, Snapshot, Watch } from './discovery/resolver.ts';
export { type Exchange, exchange } from './events/ask/exchange.ts';
export { onAnswers, onReply, type ReplyContext, type ReplyHandler } from './events/ask/on-reply.ts';
export { onRequest } from './events/ask/on-request.ts';
export type { Answer, Outcome } from './events/ask/outcome.ts';
export type { Asked } from './events/ask/reply.ts';
export { neverRetry, parkKey } from './events/consume/blame.ts';
export {
  type EventContext,
  type EventFacts,
  type EventHandler,
  on,
  onRepeatable,
  type RepeatableHandler,
} from './events/consume/handler.ts';
export { type Events } from './events/events.ts';
export type { ReadFacts } from './events/read/facts.ts';
export type { EventReading, ReadEventsOptions } from './events/read/read.ts';
export { onRead, type Reader } from './events/read/reader.ts';
export type { Caller } from './identity/caller.ts';
export { openConsulIntentions } from './identity/consul/intentions.ts';
export { openConsulIdentity } from './identity/consul.ts';
export { openFileIdentity } from './identity/files.ts';
export type { Identity } from './identity/identity.ts';
export type { Intentions, Verdict } from './identity/intentions.ts';
export type { Credentials } from './identity/leaf.ts';
export type { SpiffeId } from './identity/spiffe.ts';
export type { Baggage, BaggageMember } from './kernel/baggage.ts';
export { type Bell, createBell } from './kernel/bell.ts';
export type { Metadata, MethodInfo } from './kernel/call.ts';
export { type Call, type CallContext, compose, type Layer } from './kernel/call.ts';
export { type Clock, systemClock } from './kernel/clock.ts';
export { childTrace, currentContext, runInContext, type TraceContext } from './kernel/context.ts';
export { addressOf, type Endpoint } from './kernel/endpoint.ts';
export { describe, type ErrorDetails, type FieldViolation, MeshError } from './kernel/error.ts';
export type { Closeable } from './kernel/lifecycle.ts';
export { type Log, silentLog } from './kernel/log.ts';
export { type Origin, originOf, originText } from './kernel/origin.ts';
export { type Random, sortableId, systemRandom } from './kernel/random.ts';
export type { Status } from './kernel/status.ts';
export { type BaggageChanges, withBaggage } from './kernel/with-baggage.ts';
export {
  bulkhead,
  ConsecutiveBreaker,
  ConstantBackoff,
  CountBreaker,
  circuitBreaker,
  ExponentialBackoff,
  fallback,
  handleAll,
  handleWhen,
  retry,
  TimeoutStrategy,
  timeout,
  wrap,
} from './resilience/policies.ts';
export type { CallPolicy } from './resilience/user-policy.ts';
export {
  type CallOptions,
  type Client,
  type ClientLayer,
  type ClientOptions,
  closeClient,
  createClient,
  type StubOptions,
  type Substitute,
} from './rpc/client/client.ts';
export {
  createPeers,
  type Peers,
  type PeersOptions,
  type TargetState,
} from './rpc/client/peers.ts';
export { resumable } from './rpc/client/resumable.ts';
export { createLaneTransport } from './rpc/lane/transport.ts';
export { createPlainTransport } from './rpc/plain/transport.ts';
export { protect } from './rpc/protect.ts';
export type { HandlerContext, Implementation } from './rpc/server/implementation.ts';
export { createServer, type MeshServer } from './rpc/server/server.ts';
export { defineSaga, type Saga, type SagaOptions } from './saga/definition.ts';
export type { SagaDesk, SagaOrder, SagaView } from './saga/desk.ts';
export { refusal } from './saga/failure.ts';
export { sagaMigrations } from './saga/migrations.ts';
export type { SagaOutcome } from './saga/outcome.ts';
export { createSagas, type Sagas, type SagasOptions, type SagaTuning } from './saga/sagas.ts';
export {
  askStep,
  type CallStepContext,
  callStep,
  localStep,
  type SagaFailure,
  type Step,
  type StepContext,
} from './saga/step.ts';
export { type DataCodec, jsonData, messageData } from './schema/data-codec.ts';
export type { MessageOf, MessageType, ServiceDefinition } from './schema/definition.ts';
export { type Image, loadImage, mergeImages, readImage, weftImage } from './schema/image.ts';
export { toTimestamp } from './schema/timestamp.ts';
export {
  type Aggregate,
  type AggregateOptions,
  applies,
  defineAggregate,
} from './sourcing/aggregate.ts';
export { happened, type NewEvent, type RecordedEvent, upcasts } from './sourcing/event.ts';
export { sourcingMigrations } from './sourcing/migrations.ts';
export { type Projection, type ProjectionOptions, projects } from './sourcing/projection.ts';
export { given } from './sourcing/scenario.ts';
export { createSourcing, type Sourcing, type SourcingOptions } from './sourcing/sourcing.ts';
export { type Prepared, prepare } from './store/prepared.ts';
export { type Generated, type Kysely, sql, type Transaction } from './store/sql.ts';
export { isUniqueViolation, type Migration, openStore, type Store } from './store/store.ts';
export { createBalancerEvents } from './telemetry/balancer-events.ts';
export { createLog } from './telemetry/log.ts';
export { startMetricsServer } from './telemetry/metrics-server.ts';
export { createSpanRing, type SpanRecord, type SpanSink } from './telemetry/spans.ts';
export { createTelemetry, type Telemetry } from './telemetry/telemetry.ts';
