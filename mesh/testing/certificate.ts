import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/**
 * X.509 certificates (RFC 5280) as tests want them, wrong ones too: expired, with two names, from somebody else.
 * Node reads certificates and makes none; openssl may not be there.
 */

export interface CertificateRequest {
  readonly subject: string;
  /** Who signs, and with what; the certificate's own for a root. */
  readonly issuer: string;
  readonly issuerKey?: KeyObject;
  /** The URIs among its alternative names. */
  readonly uris?: readonly string[];
  /** The DNS names among them. */
  readonly names?: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Whether it may sign others. */
  readonly authority?: boolean;
}

/** A certificate and its key, in PEM. */
export interface MadeCertificate {
  readonly certificate: string;
  readonly key: string;
  readonly privateKey: KeyObject;
}

/** An ECDSA certificate on P-256, as Consul's own. */
export function makeCertificate(request: CertificateRequest): MadeCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const body = sequence(
    context(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([0x01]), randomBytes(8)])),
    ecdsaWithSha256,
    nameOf(request.issuer),
    sequence(time(request.notBeforeMs), time(request.notAfterMs)),
    nameOf(request.subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    context(3, sequence(...extensions(request))),
  );
  const signature = sign('sha256', body, request.issuerKey ?? privateKey);
  const whole = sequence(body, ecdsaWithSha256, bits(0, signature));
  return {
    certificate: pem('CERTIFICATE', whole),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    privateKey,
  };
}

function extensions({ uris = [], names = [], authority = false }: CertificateRequest): Buffer[] {
  const alternatives = [
    ...uris.map((uri) => tlv(0x86, Buffer.from(uri, 'latin1'))),
    ...names.map((name) => tlv(0x82, Buffer.from(name, 'latin1'))),
  ];
  return [
    extension('2.5.29.19', true, authority ? sequence(tlv(0x01, Buffer.from([0xff]))) : sequence()),
    // keyCertSign and cRLSign, or digitalSignature.
    extension(
      '2.5.29.15',
      true,
      authority ? bits(1, Buffer.from([6])) : bits(7, Buffer.from([128])),
    ),
    // To be server and client.
    ...(authority
      ? []
      : [
          extension(
            '2.5.29.37',
            false,
            sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.3.6.1.5.5.7.3.2')),
          ),
        ]),
    ...(alternatives.length > 0 ? [extension('2.5.29.17', false, sequence(...alternatives))] : []),
  ];
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [tlv(0x01, Buffer.from([0xff]))] : [];
  return sequence(oid(id), ...flag, tlv(0x04, value));
}

/** A distinguished name of a common name. */
function nameOf(common: string): Buffer {
  return sequence(tlv(0x31, sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from(common)))));
}

function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return tlv(0x18, Buffer.from(text));
}

function tlv(tag: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

function sequence(...parts: Buffer[]): Buffer {
  return tlv(0x30, ...parts);
}

function context(number: number, part: Buffer): Buffer {
  return tlv(0xa0 + number, part);
}

function integer(bytes: Buffer): Buffer {
  return tlv(0x02, bytes);
}

function bits(unused: number, bytes: Buffer): Buffer {
  return tlv(0x03, Buffer.from([unused]), bytes);
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const each of rest) {
    const digits = [each & 0x7f];
    for (let left = each >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return tlv(0x06, Buffer.from(bytes));
}

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'));

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
