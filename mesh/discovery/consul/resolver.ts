import type { Freshness } from '../../consul/types.ts';
import { checkServiceName } from '../../kernel/names.ts';
import { type Board, createBoard } from '../board.ts';
import type { Resolver } from '../resolver.ts';
import { followService } from './follow.ts';
import type { Ports } from './ports.ts';

interface Followed {
  readonly board: Board;
  readonly end: () => void;
}

/** Finds instances through Consul: one watch per service, however many listen, as long as somebody does. */
export function createConsulResolver(
  ports: Ports,
  freshness: Freshness,
): { readonly resolver: Resolver; readonly close: () => void } {
  const followed = new Map<string, Followed>();

  const follow = (service: string): Followed => {
    const board = createBoard({
      log: ports.log,
      onUnwatched() {
        followed.delete(service);
        end();
      },
    });
    const end = followService({ ...ports, service, freshness, board });
    return { board, end };
  };

  return {
    resolver: {
      watch(service, listener) {
        checkServiceName(service);
        const { board, end } = followed.get(service) ?? follow(service);
        followed.set(service, { board, end });
        return board.watch(listener);
      },
    },
    close() {
      for (const { end } of followed.values()) end();
      followed.clear();
    },
  };
}
