import { join } from 'node:path';
import { MeshError } from '../kernel/error.ts';
import { checkoutOf } from './root.ts';
import { askSupervisor } from './supervisor/launch.ts';
import type { MeshStatus } from './supervisor/status.ts';

/** The checkout that a command works on, and where its state is. */
export interface Checkout {
  readonly root: string;
  /** <root>/.run: data, logs, control socket. */
  readonly run: string;
}

/** The checkout of the folder in which the command was given. */
export function thisCheckout(): Checkout {
  const root = checkoutOf();
  return { root, run: join(root, '.run') };
}

/** The mesh that runs in this checkout; throws FAILED_PRECONDITION / MESH_NOT_RUNNING if none does. */
export async function runningMesh({ root, run }: Checkout = thisCheckout()): Promise<MeshStatus> {
  const status = await askSupervisor(run);
  if (status !== undefined) return status;
  throw new MeshError(`no mesh runs in ${root}; weft up (or make up) starts it`, {
    status: 'FAILED_PRECONDITION',
    reason: 'MESH_NOT_RUNNING',
  });
}
