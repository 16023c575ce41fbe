import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findTool } from '../cli/tools/find.ts';
import { atLeast } from '../cli/tools/version.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { freePort } from './ports.ts';
import { probe } from './probe.ts';

export interface ConsulOptions {
  /** More agent configuration in HCL, as "acl { enabled = true }". */
  readonly hcl?: string;
}

export interface ConsulServer extends Daemon {
  /** Where its HTTP API answers, as "http://127.0.0.1:21500". */
  readonly address: string;
  /** Forgets everything, as a machine that was replaced; only while it does not run. */
  wipe(): Promise<void>;
}

/**
 * A real Consul: one server with its data on disk, as `make up` runs it (not `-dev`, which forgets at every
 * restart). Ready when a leader is known and the catalog holds its own node: only then do registrations
 * of services reach the catalog.
 */
export async function startConsul({ hcl = '' }: ConsulOptions = {}): Promise<ConsulServer> {
  const { path, version } = await findTool('consul');
  const folder = await mkdtemp(join(tmpdir(), 'weft-consul-'));
  const data = join(folder, 'data');
  const http = await freePort();
  const file = join(folder, 'agent.json');
  await writeFile(file, JSON.stringify(await agentConfig(data, http, version)));
  const address = `http://127.0.0.1:${http}`;
  const daemon = await startDaemon({
    command: path,
    args: ['agent', '-config-file', file, '-hcl', hcl],
    folder,
    async ready() {
      if ((await probe(`${address}/v1/status/leader`)) === '""') throw new Error('no leader yet');
      if ((await probe(`${address}/v1/catalog/nodes`)) === '[]') throw new Error('no node yet');
    },
  });
  return Object.assign(daemon, {
    address,
    wipe: () => rm(data, { recursive: true, force: true }),
  });
}

async function agentConfig(data: string, http: number, version: string): Promise<object> {
  return {
    server: true,
    bootstrap_expect: 1,
    node_name: 'test',
    data_dir: data,
    bind_addr: '127.0.0.1',
    client_addr: '127.0.0.1',
    ports: {
      http,
      server: await freePort(),
      serf_lan: await freePort(),
      serf_wan: -1,
      dns: -1,
      grpc: -1,
      // Opened by itself since 1.14, and an unknown word to older ones.
      ...(atLeast(version, '1.14.0') && { grpc_tls: -1 }),
    },
    // 1 instead of 5: an election takes a second, not five.
    performance: { raft_multiplier: 1 },
    log_level: 'warn',
    disable_update_check: true,
  };
}
