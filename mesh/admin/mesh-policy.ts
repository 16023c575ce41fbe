import type { GetPolicyResponse, PolicyValue } from '../../gen/weft/admin/v1/admin.ts';

/** The policy towards one service, as all that call it apply it. */
export interface MeshPolicy {
  readonly settings: readonly SettingRow[];
  /** What was said and is refused, with those that refuse it. */
  readonly faults: readonly { readonly message: string; readonly callers: readonly string[] }[];
  /** The instances that have a client for the service. */
  readonly callers: readonly string[];
}

/** One value. Callers that disagree (another version, another client option, late news) have rows of their own. */
export interface SettingRow {
  /** "" for what is said of the whole service. */
  readonly method: string;
  readonly setting: string;
  readonly value: string;
  readonly origin: string;
  /** The instances that apply it. */
  readonly callers: readonly string[];
  /** Whether others that know the setting apply another value. */
  readonly disputed: boolean;
}

/** Joins what the instances said, in the order of the first that knows a setting. */
export function meshPolicy(answers: readonly GetPolicyResponse[]): MeshPolicy {
  const said = answers.flatMap(({ instanceId, values }) =>
    values.map((value) => ({ ...value, instanceId })),
  );
  const settings = [...Map.groupBy(said, ({ method, setting }) => `${method} ${setting}`).values()];
  const faults = answers.flatMap(({ instanceId, faults: refused }) =>
    refused.map(({ message }) => ({ message, instanceId })),
  );
  return {
    settings: settings.flatMap(rowsOf),
    faults: [...Map.groupBy(faults, ({ message }) => message)].map(([message, those]) => ({
      message,
      callers: those.map(({ instanceId }) => instanceId),
    })),
    callers: [...new Set(said.map(({ instanceId }) => instanceId))].sort(),
  };
}

function rowsOf(said: readonly (PolicyValue & { readonly instanceId: string })[]): SettingRow[] {
  const values = [...Map.groupBy(said, ({ value, origin }) => `${origin} ${value}`).values()];
  return values.flatMap((those) => {
    const [first] = those;
    if (first === undefined) return [];
    const { method, setting, value, origin } = first;
    const callers = [...new Set(those.map(({ instanceId }) => instanceId))].sort();
    return [{ method, setting, value, origin, callers, disputed: values.length > 1 }];
  });
}
