import { readFileSync } from 'node:fs';
import { z } from '#mesh';
import type { House } from '../house/house.ts';

const line = z.object({
  msg: z.literal('opened SQLite'),
  journal_mode: z.string(),
  synchronous: z.number(),
});

/** What every service read back from SQLite when it opened its database, from its log. */
export async function pragmasOf(house: House): Promise<Record<string, string>> {
  const services = (await house.ps()).filter(({ kind }) => kind === 'service');
  return Object.fromEntries(
    services.map(({ log, service }) => {
      const lines = readFileSync(log, 'utf8').split('\n');
      const said = lines.flatMap((text) => {
        const read = line.safeParse(text.startsWith('{') ? JSON.parse(text) : undefined);
        return read.success ? [read.data] : [];
      });
      const { journal_mode = '?', synchronous = -1 } = said.at(-1) ?? {};
      return [service, `journal_mode=${journal_mode}, synchronous=${String(synchronous)}`];
    }),
  );
}
