import { type AppTools, type ServiceParts, weftImage } from '#mesh';
import { createAnswers, createEdge, type EdgeDb } from '#mesh/edge';
import type { GatewaySettings } from './config.ts';
import { orderTopics } from './topics.ts';

/** Answers older than a day are looked for once an hour. */
const forgetEveryMs = 3_600_000;

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function gatewayParts(
  tools: AppTools<EdgeDb>,
  { host, edge, nats }: Pick<GatewaySettings, 'host' | 'edge' | 'nats'>,
): ServiceParts<EdgeDb> {
  const { clock, random, log, spans, metrics } = tools;
  const answers = createAnswers(tools.store, clock);
  tools.every(forgetEveryMs, 'forgetting old answers', async () => {
    await answers.forget();
  });
  const show = { image: weftImage(), client: tools.client, answers, title: 'The shop' };
  // Without a bus there is nothing to hear.
  const upgrades = nats.length > 0 ? [orderTopics(tools)] : [];
  return {
    services: [],
    doors: [createEdge({ ...edge, host, show, upgrades, clock, random, log, spans, metrics })],
  };
}
