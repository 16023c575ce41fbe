import { join } from 'node:path';
import { run } from '../checks/command.ts';

/**
 * Lets a client that knows nothing of weft call orders: gRPC's C core in Python. It is a Debian package and
 * not ours to install; where it is missing, that is what stands in the result.
 */
export async function callFromPython(address: string): Promise<unknown> {
  const script = join(import.meta.dirname, 'python-client.py');
  const here = await run(import.meta.dirname, ['python3', '-c', 'import grpc, google.protobuf']);
  if (here.code !== 0) return 'not run: apt-get install python3-grpcio python3-protobuf';
  const { code, stdout, stderr } = await run(import.meta.dirname, ['python3', script, address]);
  if (code !== 0) throw new Error(`the Python client failed: ${stderr.trim().slice(-500)}`);
  return JSON.parse(stdout);
}
