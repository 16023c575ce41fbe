import type { RegistrarServiceDefinition } from '#gen/registrar/registrar/v1/registrar.ts';
import type { Implementation } from '#mesh';
import type { Watching } from './watching.ts';

/** registrar.registrar.v1.RegistrarService. */
export function registrarService(watching: Watching): Implementation<RegistrarServiceDefinition> {
  return {
    listWatched() {
      const watched = watching.list().map(({ service, host, port, registered }) => {
        return { service, address: `${host}:${String(port)}`, registered };
      });
      return Promise.resolve({ watched });
    },
  };
}
