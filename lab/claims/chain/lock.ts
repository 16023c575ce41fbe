/** A lock in Consul: a key that one session holds. https://developer.hashicorp.com/consul/docs/dynamic-app-config/sessions */
import { systemClock, z } from '#mesh';

const entryShape = z.array(z.object({ Session: z.string().optional() })).min(1);

export interface LockOptions {
  /** Consul's HTTP address. */
  readonly consul: string;
  readonly key: string;
  /** The health check that the lock hangs on: when it fails, the lock is free. */
  readonly check: string;
}

/** Resolves when this process holds the lock; it does so until the check fails. */
export async function holdLock({ consul, key, check }: LockOptions): Promise<void> {
  const session = await createSession(consul, check);
  for (;;) {
    const taken = await fetch(`${consul}/v1/kv/${key}?acquire=${session}`, { method: 'PUT' });
    if ((await taken.text()).trim() === 'true') return;
    await whenFree(consul, key);
  }
}

/** Tried again until the check has passed once: Consul refuses a session on a failing check. */
async function createSession(consul: string, check: string): Promise<string> {
  // The delay keeps a lock from its next holder in case the last one has not noticed its own death; C keeps
  // nothing that two could spoil, and the least that Consul takes will do.
  const body = JSON.stringify({ Checks: ['serfHealth', check], LockDelay: '1ms' });
  for (;;) {
    const answer = await fetch(`${consul}/v1/session/create`, { method: 'PUT', body });
    if (answer.ok) return z.object({ ID: z.string() }).parse(await answer.json()).ID;
    await systemClock.sleep(100);
  }
}

/** A blocking query: answers when the key changes. */
async function whenFree(consul: string, key: string): Promise<void> {
  let index = '0';
  for (;;) {
    const answer = await fetch(`${consul}/v1/kv/${key}?wait=10s&index=${index}`);
    index = answer.headers.get('x-consul-index') ?? '0';
    if (answer.status === 404) return;
    const [entry] = entryShape.parse(await answer.json());
    if (entry?.Session === undefined) return;
  }
}
