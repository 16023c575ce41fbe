import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SignJWT } from 'jose';
import { systemClock } from '../kernel/clock.ts';
import { type Authenticate, createAuthenticate } from './authenticate.ts';

const issuer = 'https://issuer.test';
const audience = 'weft';
let folder: string;
let jwksFile: string;
let writes = 0;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-keys-'));
  jwksFile = join(folder, 'keys.json');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Signer {
  readonly kid: string;
  readonly alg: 'RS256' | 'ES256';
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

function signerOf(kid: string, alg: Signer['alg']): Signer {
  const pair =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { kid, alg, ...pair };
}

/** As an issuer publishes its keys. */
async function publish(...signers: readonly Signer[]): Promise<void> {
  const keys = signers.map(({ kid, alg, publicKey }) => {
    return { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
  });
  await writeFile(jwksFile, JSON.stringify({ keys }));
  // Two writes within one tick of the file system's clock are two versions all the same.
  const changed = new Date(Date.now() + ++writes * 1000);
  await utimes(jwksFile, changed, changed);
}

function tokenOf(
  { kid, alg, privateKey }: Signer,
  claims: Record<string, unknown> = {},
): Promise<string> {
  const token = new SignJWT({ scope: 'read write', ...claims }).setProtectedHeader({ alg, kid });
  return token
    .setSubject('ada')
    .setIssuer(issuer)
    .setAudience(audience)
    .setExpirationTime('1 minute')
    .sign(privateKey);
}

const open = (): Authenticate =>
  createAuthenticate({ issuer, audience, keys: { jwksFile } }, systemClock);
const refused = { status: 'UNAUTHENTICATED', reason: 'TOKEN_INVALID' };

describe('keys of an issuer, from a file', () => {
  test.each(['RS256', 'ES256'] as const)('a token signed with %s says who asks', async (alg) => {
    const signer = signerOf('one', alg);
    await publish(signer);
    const principal = await open()(await tokenOf(signer));
    expect(principal).toMatchObject({ subject: 'ada', issuer, scopes: ['read', 'write'] });
  });

  test('are rotated without a restart: the new key is known, the old one no longer', async () => {
    const [old, next] = [signerOf('old', 'ES256'), signerOf('next', 'ES256')];
    await publish(old);
    const authenticate = open();
    await expect(authenticate(await tokenOf(next))).rejects.toMatchObject(refused);
    await publish(old, next);
    await expect(authenticate(await tokenOf(next))).resolves.toMatchObject({ subject: 'ada' });
    await expect(authenticate(await tokenOf(old))).resolves.toMatchObject({ subject: 'ada' });
    await publish(next);
    await expect(authenticate(await tokenOf(old))).rejects.toMatchObject(refused);
  });

  test('stay as they were while their file is away or half written', async () => {
    const signer = signerOf('one', 'ES256');
    await publish(signer);
    const authenticate = open();
    await writeFile(jwksFile, '{"keys": [');
    await expect(authenticate(await tokenOf(signer))).resolves.toMatchObject({ subject: 'ada' });
    await rm(jwksFile);
    await expect(authenticate(await tokenOf(signer))).resolves.toMatchObject({ subject: 'ada' });
  });

  test('that cannot be read are INVALID_KEYS at the start', async () => {
    await writeFile(jwksFile, 'no keys');
    expect(open).toThrow(expect.objectContaining({ reason: 'INVALID_KEYS' }));
  });
});

test('a token that does not say which key signed it is good with any of them', async () => {
  const [first, second] = [signerOf('first', 'ES256'), signerOf('second', 'ES256')];
  await publish(first, second);
  const token = await tokenOf({ ...second, kid: undefined as never });
  await expect(open()(token)).resolves.toMatchObject({ subject: 'ada' });
  const stranger = await tokenOf({ ...signerOf('x', 'ES256'), kid: undefined as never });
  await expect(open()(stranger)).rejects.toMatchObject(refused);
});

describe('a token is refused', () => {
  test('when it names nobody, or somebody by a number', async () => {
    const signer = signerOf('one', 'ES256');
    await publish(signer);
    const { kid, alg, privateKey } = signer;
    for (const sub of ['', 7 as unknown as string]) {
      const token = new SignJWT({ sub, iss: issuer, aud: ['other', audience], exp: 2 ** 33 });
      const signed = await token.setProtectedHeader({ alg, kid }).sign(privateKey);
      await expect(open()(signed)).rejects.toMatchObject(refused);
    }
  });

  test('when another key signed it under a known name', async () => {
    await publish(signerOf('one', 'ES256'));
    const forged = await tokenOf(signerOf('one', 'ES256'));
    await expect(open()(forged)).rejects.toMatchObject(refused);
  });

  test('when the public key was used as the secret of an HS256 token', async () => {
    const signer = signerOf('one', 'RS256');
    await publish(signer);
    const secret = Buffer.from(signer.publicKey.export({ type: 'spki', format: 'pem' }));
    const forged = await new SignJWT({})
      .setProtectedHeader({ alg: 'HS256', kid: 'one' })
      .setSubject('ada')
      .setIssuer(issuer)
      .setAudience(audience)
      .setExpirationTime('1 minute')
      .sign(secret);
    await expect(open()(forged)).rejects.toMatchObject(refused);
  });

  test('when it has no signature, or is over', async () => {
    const signer = signerOf('one', 'ES256');
    await publish(signer);
    const [header = '', payload = ''] = (await tokenOf(signer)).split('.');
    const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    await expect(open()(`${none}.${payload}.`)).rejects.toMatchObject(refused);
    await expect(open()(`${header}.${payload}.`)).rejects.toMatchObject(refused);
    const over = await tokenOf(signer, {});
    const late = createAuthenticate(
      { issuer, audience, keys: { jwksFile } },
      { ...systemClock, now: () => Date.now() + 120_000 },
    );
    await expect(late(over)).rejects.toMatchObject({ reason: 'TOKEN_EXPIRED' });
  });
});
