import { MeshError } from '../kernel/error.ts';

/** The MeshError with which `work` fails; a test that expects one must not pass on anything else. */
export async function errorOf(work: Promise<unknown>): Promise<MeshError> {
  const outcome: unknown = await work.then(
    (value) => ({ value }),
    (thrown: unknown) => thrown,
  );
  if (outcome instanceof MeshError) return outcome;
  throw new Error('no MeshError was thrown', { cause: outcome });
}
