/**
 * What the guides use of curl, for machines that have none: it takes the same words and says the same. An option
 * that it does not know is an error, so that no guide is believed for what was not run.
 */
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    silent: { type: 'boolean', short: 's' },
    include: { type: 'boolean', short: 'i' },
    'no-buffer': { type: 'boolean', short: 'N' },
    request: { type: 'string', short: 'X' },
    header: { type: 'string', short: 'H', multiple: true, default: [] },
    data: { type: 'string', short: 'd' },
    'data-binary': { type: 'string' },
    output: { type: 'string', short: 'o' },
    'write-out': { type: 'string', short: 'w' },
    'max-time': { type: 'string', short: 'm' },
  },
});

async function standardInput(): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces);
}

const { 'data-binary': binary, data, request, output } = values;
const body = binary === '@-' ? await standardInput() : (binary ?? data);
const headers = new Headers();
// As curl does it: data without a type is a form.
if (body !== undefined) headers.set('content-type', 'application/x-www-form-urlencoded');
for (const line of values.header) {
  const colon = line.indexOf(':');
  headers.set(line.slice(0, colon), line.slice(colon + 1).trim());
}
const method = request ?? (body === undefined ? 'GET' : 'POST');
const maxTime = values['max-time'];
const gone = new AbortController();
if (maxTime !== undefined) setTimeout(() => gone.abort(), Number(maxTime) * 1000).unref();
const init = { method, headers, signal: gone.signal, ...(body !== undefined && { body }) };

try {
  const answer = await fetch(positionals[0] ?? '', init);
  if (values.include === true) {
    const lines = [...answer.headers].map(([name, value]) => `${name}: ${value}\r\n`);
    process.stdout.write(
      `HTTP/1.1 ${String(answer.status)} ${answer.statusText}\r\n${lines.join('')}\r\n`,
    );
  }
  for await (const piece of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    if (output === undefined) process.stdout.write(piece);
  }
  process.stdout.write((values['write-out'] ?? '').replace('%{http_code}', String(answer.status)));
} catch {
  // As curl's: too late, or nobody there.
  process.exitCode = gone.signal.aborted ? 28 : 7;
}
