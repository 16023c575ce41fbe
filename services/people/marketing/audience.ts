/** Who is in the campaign: plain data, no I/O. */

/** What has become of a customer's membership. Who has left stays out, however often it is told that they registered. */
export type Membership = 'in' | 'left';

export function afterRegistered(before: Membership | undefined): Membership {
  return before ?? 'in';
}
