import { MeshError } from '../../kernel/error.ts';

/** What a template may name, as { consul: 'http://127.0.0.1:7150', 'port.orders': '7101' }. */
export type Values = Readonly<Record<string, string | undefined>>;

/**
 * Fills `${name}` and `${name:-default}` in a value of weft.yaml. Unlike a shell it knows no empty
 * answer: a name that nobody set, without a default, throws with the names that are known.
 */
export function fill(template: string, values: Values): string {
  return template.replace(/\$\{([^}:]+)(?::-([^}]*))?\}/g, (_, name: string, fallback?: string) => {
    const value = values[name] ?? fallback;
    if (value !== undefined) return value;
    const known = Object.keys(values).filter((each) => !each.startsWith('env.'));
    throw new MeshError(
      `${template} names ${name}, which nobody set; known: ${known.join(', ')}, and env.<VARIABLE>`,
      { status: 'INVALID_ARGUMENT', reason: 'MESH_FILE_INVALID' },
    );
  });
}
