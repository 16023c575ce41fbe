/** See moleculer.mjs: its packages are installed by the bench alone, so their types are not there. */
export function openMoleculer(
  url: string,
  onMessage: (payload: unknown) => void,
): Promise<{ publish(payload: object): Promise<void>; close(): Promise<void> }>;
