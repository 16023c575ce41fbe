import { type Clock, systemClock } from '../kernel/clock.ts';
import { createFeed } from './feed.ts';
import { createLookout } from './look.ts';
import { regionsOf } from './regions.ts';
import { type ConsoleServer, startConsoleServer } from './server.ts';
import type { ConsoleSources } from './sources.ts';
import { tracePage } from './views/page.ts';
import { traceView } from './views/traces-view.ts';

export interface ConsoleOptions {
  readonly sources: ConsoleSources;
  /** Default 0: any free one. */
  readonly port?: number;
  /** The pause between two looks at the mesh while somebody watches, in ms. Default 2000. */
  readonly everyMs?: number;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/**
 * Serves the picture of a mesh to browsers of this machine. It changes nothing and keeps nothing: each look asks the
 * instances that discovery knows, as `weft stat` does; all who watch share one look, and while nobody watches none is made.
 */
export async function startConsole(options: ConsoleOptions): Promise<ConsoleServer> {
  const { sources, port = 0, everyMs = 2_000, clock = systemClock } = options;
  const lookout = createLookout(sources, clock);
  const feed = createFeed({
    look: async () => regionsOf(await lookout.look()),
    rest: () => lookout.rest(),
    ...{ clock, everyMs },
    restAfterMs: everyMs * 5,
  });
  const server = await startConsoleServer({
    ...{ port, feed },
    async trace(traceId) {
      // So that it is known whom to ask, and that connections are let go of later.
      await feed.now();
      return tracePage(traceId, traceView(await lookout.trace(traceId)));
    },
  });
  return {
    url: server.url,
    async close() {
      await server.close();
      await feed.close();
    },
  };
}
