import type { MeshPolicy, SettingRow } from '../admin/mesh-policy.ts';
import { table } from './table.ts';

/** The text of `weft policy`: what is said of the service, then of each method; who disagrees is named. */
export function policyTable(service: string, { settings, faults, callers }: MeshPolicy): string {
  const disputed = settings.some((row) => row.disputed);
  const headings = ['METHOD', 'SETTING', 'VALUE', 'FROM', ...(disputed ? ['APPLIED BY'] : [])];
  const lines = [
    `calls to ${service}, as ${callers.join(', ')} make them`,
    '',
    table(headings, settings.map(cells)),
  ];
  for (const { message, callers: those } of faults) {
    lines.push('', `refused by ${those.join(', ')}: ${message}`);
  }
  return lines.join('\n');
}

function cells({ method, setting, value, origin, callers, disputed }: SettingRow): string[] {
  const by = disputed ? [callers.join(', ')] : [];
  return [method === '' ? '(all)' : method, setting, value, origin, ...by];
}
