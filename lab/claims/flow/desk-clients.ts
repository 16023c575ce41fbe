import { DeskServiceDefinition } from '#gen/flow/desk/v1/desk.ts';
import type { AppTools, Client } from '#mesh';
import type { DeskName } from './wire.ts';

/** One contract, found under four names. */
export type DeskClients = Readonly<Record<DeskName, Client<DeskServiceDefinition>>>;

export function deskClients({ client }: Pick<AppTools<never>, 'client'>): DeskClients {
  const of = (target: DeskName) => client(DeskServiceDefinition, { target });
  return {
    inventory: of('inventory'),
    payments: of('payments'),
    warehouse: of('warehouse'),
    notifications: of('notifications'),
  };
}
