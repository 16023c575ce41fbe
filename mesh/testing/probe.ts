import { get } from 'node:http';

/**
 * The body of a GET, for tests that ask a server whether it is ready. One connection per request and
 * none kept, so that a test leaves no socket behind. Throws unless the answer is 200 within 2 s.
 */
export function probe(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: 2_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const body = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`${url} answered ${String(response.statusCode)}: ${body}`));
      });
    });
    request.once('error', reject);
    request.once('timeout', () => request.destroy(new Error(`${url} did not answer within 2 s`)));
  });
}
