/*
 * W3C tracestate: what each tracing system on the way of a trace notes for itself. weft notes nothing, and passes
 * the list on as it came. It is looked at once, on arrival: what is malformed or too large is dropped there, so
 * that no call fails because of it on the way out.
 */

const maxMembers = 32;
/** The least that everybody passes on (W3C, 3.3.1.5); as OpenTelemetry has it, more is dropped as a whole. */
const maxLength = 512;

const key = '[a-z0-9][a-z0-9_\\-*/@]{0,255}';
const value = '[\\x20-\\x2b\\x2d-\\x3c\\x3e-\\x7e]{0,255}[\\x21-\\x2b\\x2d-\\x3c\\x3e-\\x7e]';
const member = new RegExp(`^${key}=${value}$`);

/** The list as it may be passed on; undefined: there is none, or it is none. */
export function parseTracestate(header: string): string | undefined {
  if (header.length > maxLength) return undefined;
  // A tab may stand between members, but not in metadata of gRPC.
  const list = header.replaceAll('\t', ' ').trim();
  const members = list.split(',').flatMap((each) => each.trim() || []);
  if (members.length === 0 || members.length > maxMembers) return undefined;
  return members.every((each) => member.test(each)) ? list : undefined;
}
