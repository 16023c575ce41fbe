import type { Example } from './schema.ts';

/** How one learns that a process is ready. */
export type Ready =
  /** A Consul server that knows a leader; only then do registrations reach the catalog. */
  | { readonly kind: 'leader' }
  /** Answers 200. */
  | { readonly kind: 'http'; readonly url: string }
  /** Registered under this id, all checks passing, and its port takes a connection. */
  | { readonly kind: 'passing'; readonly service: string; readonly instanceId: string }
  /** Takes a connection. */
  | { readonly kind: 'tcp'; readonly port: number };

/** What carries the mesh, what it consists of, and what only looks at it: nobody waits for a tool. */
export type ProcessKind = 'infrastructure' | 'service' | 'tool';

/** One process as it is to run: plain data, so that it can be sent, compared and written down. */
export interface ProcessPlan {
  /** As people name it: "orders#1", "consul". */
  readonly id: string;
  /** "orders", "consul". */
  readonly service: string;
  readonly instance: number;
  readonly kind: ProcessKind;
  /** Of the services: the stories it belongs to; absent = every story. */
  readonly story?: string;
  readonly command: readonly string[];
  /** On top of the environment of the supervisor. */
  readonly env: Readonly<Record<string, string>>;
  /** The fixed ports it will hold. */
  readonly ports: readonly number[];
  /** Where its output goes. */
  readonly log: string;
  readonly ready: Ready;
  readonly readyWithinMs: number;
  /** From SIGTERM to SIGKILL. */
  readonly graceMs: number;
  /** Services that must be ready before it starts, and that outlive it. */
  readonly after: readonly string[];
  /** Services that outlive it. */
  readonly calls: readonly string[];
}

/** How many instances of a service, by name; of all others as many as weft.yaml says. */
export type Scale = Readonly<Record<string, number>>;

/** Who the services of a mesh are to each other: nobody in particular, or what Consul's CA says. */
export type MeshIdentity = 'off' | 'consul';

/** All that is to run in one checkout. */
export interface MeshPlan {
  /** The checkout: where processes run. */
  readonly root: string;
  /** The weft.yaml it was made from. */
  readonly file: string;
  readonly portBase: number;
  /** What was asked for, and stays in force until it is asked otherwise. */
  readonly stories: readonly string[];
  readonly scale: Scale;
  readonly identity: MeshIdentity;
  /** Consul's HTTP address, as "http://127.0.0.1:7150". */
  readonly consul: string;
  /** NATS, as "127.0.0.1:7160". */
  readonly nats: string;
  /** Where the mesh is shown in a browser, as "http://127.0.0.1:7170"; absent: nowhere. */
  readonly console?: string;
  readonly processes: readonly ProcessPlan[];
  readonly examples: readonly Example[];
  readonly next: readonly string[];
}
