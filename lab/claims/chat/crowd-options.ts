import { z } from '#mesh';

export const crowdOptions = z.object({
  /** The gateway, as "http://127.0.0.1:7143". */
  address: z.string(),
  users: z.int(),
});
export type CrowdOptions = z.infer<typeof crowdOptions>;

/** The name of the n-th of a crowd. */
export function crowdUser(n: number): string {
  return `crowd-${String(n)}`;
}
