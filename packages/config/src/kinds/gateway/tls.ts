// TLS words of a Gateway. The floor is TLS 1.2 with forward secrecy.
import { andThen, type Decoder, oneOf, quote, text } from '../../decode/decoder.ts';
import { suggestion } from '../../decode/suggest.ts';
import { refuse } from '../../decode/walk.ts';
import type { GatewayTlsMode } from './spec.ts';

export const tlsMode: Decoder<GatewayTlsMode> = oneOf(
  'SIMPLE',
  'PASSTHROUGH',
  'MUTUAL',
  'OPTIONAL_MUTUAL',
  'AUTO_PASSTHROUGH',
  'ISTIO_MUTUAL',
);

export type TlsVersion = 'TLS_AUTO' | 'TLSV1_2' | 'TLSV1_3';

export const tlsVersion: Decoder<TlsVersion> = andThen(
  oneOf('TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3'),
  (version, walk) => {
    if (version !== 'TLSV1_0' && version !== 'TLSV1_1') return version;
    const message = `${version} is broken and is not served`;
    return refuse(walk, { code: 'insecure-tls', message, remedy: 'write TLSV1_2 or TLSV1_3' });
  },
);

const suites = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
];

/** TLS 1.2 suites with forward secrecy and authenticated encryption; those of TLS 1.3 are fixed. */
export const cipherSuite: Decoder<string> = andThen(text, (suite, walk) =>
  suites.includes(suite)
    ? suite
    : refuse(walk, {
        code: 'insecure-tls',
        message: `${quote(suite)} is not a cipher suite that is served`,
        remedy: suggestion(suite, suites),
      }),
);

/** SHA-256 of a certificate: 64 hexadecimal digits, also in pairs with colons. Given in lower case without them. */
export const certificateHash: Decoder<string> = andThen(text, (written, walk) => {
  const isHash = /^([0-9a-f]{64}|([0-9a-f]{2}:){31}[0-9a-f]{2})$/i.test(written);
  if (isHash) return written.replaceAll(':', '').toLowerCase();
  return refuse(walk, {
    code: 'invalid-hash',
    message: `${quote(written)} is not the SHA-256 of a certificate`,
    remedy: 'write 64 hexadecimal digits: openssl x509 -in CERT -noout -fingerprint -sha256',
  });
});

/** SHA-256 of a public key, base64. */
export const keyHash: Decoder<string> = andThen(text, (written, walk) =>
  /^[A-Za-z0-9+/]{43}=$/.test(written)
    ? written
    : refuse(walk, {
        code: 'invalid-hash',
        message: `${quote(written)} is not the SHA-256 of a public key`,
        remedy: 'write 44 characters of base64: openssl dgst -sha256 -binary over the DER public key',
      }),
);

/** An absolute path on the machine of the gateway. */
export const filePath: Decoder<string> = andThen(text, (written, walk) =>
  written.length <= 1_024 && /^\/[\x21-\x7d]+$/.test(written)
    ? written
    : refuse(walk, {
        code: 'invalid-path',
        message: `${quote(written)} is not the path of a file of the gateway's machine`,
        remedy: 'write an absolute path without spaces or "~", or use a Secret and credentialName',
      }),
);
