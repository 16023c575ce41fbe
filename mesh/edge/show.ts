import type { Clock } from '../kernel/clock.ts';
import type { Image } from '../schema/image.ts';
import type { Answers } from './answers.ts';
import { createCaller, type MakeClient } from './caller.ts';
import { createGrpcWeb } from './grpc-web/grpc-web.ts';
import { openApiDocument } from './openapi/document.ts';
import { serveDocument } from './openapi/serve.ts';
import type { Protocol } from './protocol.ts';
import { nameOfMethod, readBindings } from './rest/bindings.ts';
import { readResources } from './rest/resources.ts';
import { createRest } from './rest/rest.ts';
import { createTunnel } from './tunnel.ts';

/** What of the mesh is shown to the outside. */
export interface ShowOptions {
  /**
   * The contracts. A method is shown if it has google.api.http, over each protocol; one without it cannot be
   * reached from outside.
   */
  readonly image: Image;
  /** How clients of services are made: `tools.client` of an application. */
  readonly client: MakeClient;
  /** Where answers to requests with an idempotency key are kept. Default: only contracts with a field know keys. */
  readonly answers?: Answers;
  /** Of the OpenAPI document. Default "weft". */
  readonly title?: string;
}

/** The protocols in which the mesh is shown, in the order in which they are asked. */
export function protocolsFor(
  { image, client, answers, title = 'weft' }: ShowOptions,
  { clock, tokens }: { readonly clock: Clock; readonly tokens: 'none' | 'optional' | 'required' },
): readonly Protocol[] {
  const caller = createCaller(client);
  const bindings = readBindings(image);
  const resources = readResources(image, bindings);
  const methods = new Map(bindings.map(({ method }) => [nameOfMethod(method), method]));
  return [
    // By its content type, whatever the path.
    createGrpcWeb({ methods, caller, clock }),
    serveDocument(() => {
      const keepsAnswers = answers !== undefined;
      return openApiDocument({ image, bindings, resources, title, tokens, keepsAnswers });
    }),
    createTunnel({ image, methods, caller, clock }),
    createRest({ image, caller, bindings, resources, answers, clock }),
  ];
}
