import * as z from 'zod';

/** A port as its distance from PORT_BASE, so that one number moves a whole mesh. */
const offset = z.int().min(0, 'an offset from PORT_BASE is 0 or more').max(999);
const name = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, "use lower-case letters, digits and '-'");
const seconds = z.number().positive().max(3_600);

const service = z.strictObject({
  /** Which story, or stories, it belongs to; without one it always runs. */
  story: z.union([name.transform((one) => [one]), z.array(name).min(1)]).optional(),
  /** A TypeScript or JavaScript file, run by the Node that runs weft; relative to the checkout. */
  run: z.string().min(1).optional(),
  /** Any other program with its arguments. */
  command: z.array(z.string().min(1)).min(1).optional(),
  /** How many run unless --scale says otherwise. */
  instances: z.int().min(0).max(100).default(1),
  /** The fixed port of the first instance (PORT); absent = any free one. Further instances: any free one. */
  port: offset.optional(),
  /** More fixed ports of the first instance, by the variable that tells it: { HTTP_PORT: 11 }. */
  ports: z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), offset).default({}),
  /** More variables; see template.ts for what ${…} may say. */
  env: z.record(z.string(), z.coerce.string()).default({}),
  /** Services that must be ready before this one starts; they are stopped after it. */
  after: z.array(name).default([]),
  /** Services that this one calls: started beside it, but stopped after it. */
  calls: z.array(name).default([]),
  /** consul: its checks pass in Consul; tcp: its port accepts a connection. */
  ready: z.enum(['consul', 'tcp']).default('consul'),
  readyWithinSeconds: seconds.default(30),
  /** How long it may drain after SIGTERM before it is killed. */
  graceSeconds: seconds.default(30),
});

const example = z.strictObject({
  /** What it shows, in a few words. */
  title: z.string(),
  /** Whose address is called. */
  service: name,
  /** As "shop.orders.v1.OrdersService/PlaceOrder". */
  method: z.string().regex(/^[\w.]+\/\w+$/, 'use package.Service/Method'),
  /** The request as JSON. */
  body: z.record(z.string(), z.unknown()).default({}),
});

/** `dns` is opened only where it is given. */
const consulPorts = z.strictObject({
  ...{ port: offset, server: offset, serf: offset },
  dns: offset.optional(),
});
const natsPorts = z.strictObject({ port: offset, monitor: offset });

/** The whole of weft.yaml; docs/reference/weft-yaml.md describes it for people. */
export const meshFileSchema = z.strictObject({
  /** The story that runs when none is named. */
  story: name.optional(),
  infrastructure: z
    .strictObject({
      consul: consulPorts.default({ port: 50, server: 51, serf: 52 }),
      nats: natsPorts.default({ port: 60, monitor: 61 }),
    })
    .prefault({}),
  services: z.record(name, service),
  /** Where the console shows the mesh in a browser; absent = nowhere. */
  console: z.strictObject({ port: offset }).optional(),
  /** Calls that `weft up` prints to be pasted. */
  examples: z.array(example).default([]),
  /** Lines that `weft up` prints last: how to go on. */
  next: z.array(z.string()).default([]),
});

export type MeshFile = z.infer<typeof meshFileSchema>;
export type ServiceEntry = z.infer<typeof service>;
export type Example = z.infer<typeof example>;
