import type { AdminServiceDefinition } from '../../gen/weft/admin/v1/admin.ts';
import type {
  ListStoppedKeysRequest,
  ListStoppedKeysResponse,
  ReleaseStoppedKeysRequest,
  ReleaseStoppedKeysResponse,
} from '../../gen/weft/admin/v1/dead_letters.ts';
import type { StoppedKeys } from '../events/dead-letters/stopped-keys.ts';
import type { Implementation } from '../rpc/server/implementation.ts';

export interface StoppedKeySources {
  /** Default: this process hears no events, and no key stops. */
  readonly stoppedKeys?: StoppedKeys | undefined;
}

type Methods = Pick<
  Implementation<AdminServiceDefinition>,
  'listStoppedKeys' | 'releaseStoppedKeys'
>;

/** The part of the admin service that is about keys that stand still. */
export function stoppedKeyMethods({ stoppedKeys }: StoppedKeySources): Methods {
  return {
    async listStoppedKeys(request: ListStoppedKeysRequest): Promise<ListStoppedKeysResponse> {
      const { consumer, key } = request;
      const filter = { ...(consumer !== '' && { consumer }), ...(key !== '' && { key }) };
      const found = (await stoppedKeys?.list(filter)) ?? [];
      return {
        keys: found.map(({ sequence, letterId, ...of }) => {
          return { ...of, sequence: BigInt(sequence), deadLetterId: letterId ?? '' };
        }),
      };
    },
    async releaseStoppedKeys(
      request: ReleaseStoppedKeysRequest,
    ): Promise<ReleaseStoppedKeysResponse> {
      const { eventIds, consumer, skip } = request;
      const how = skip ? 'skip' : 'handle';
      const which = { eventIds, ...(consumer !== '' && { consumer }), how } as const;
      return { releasedEventIds: [...((await stoppedKeys?.release(which)) ?? [])] };
    },
  };
}
