import type { Example } from './supervisor/schema.ts';

/** Quotes a word for a POSIX shell. */
function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** A call as two commands that can be pasted: with grpcurl, and with what npm installed already. */
export function pasteable({ method, body }: Example, address: string): readonly string[] {
  const data = quote(JSON.stringify(body));
  return [
    `grpcurl -plaintext -d ${data} ${address} ${method}`,
    `npx buf curl --protocol grpc --http2-prior-knowledge -d ${data} http://${address}/${method}`,
  ];
}

/** The same with weft itself, which finds the instance and shows a certificate to one that wants to see it. */
export function withWeft({ method, body }: Example): string {
  return `npx weft call ${method} ${quote(JSON.stringify(body))}`;
}
