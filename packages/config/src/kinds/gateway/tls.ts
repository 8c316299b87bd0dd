// TLS words of a Gateway. The floor is TLS 1.2 with forward secrecy.
import { andThen, type Decoder, oneOf, text } from '../../decode/decoder.ts';
import { suggestion } from '../../decode/suggest.ts';
import { refuse } from '../../decode/walk.ts';

export const tlsMode: Decoder<'SIMPLE'> = andThen(
  oneOf('SIMPLE', 'PASSTHROUGH', 'MUTUAL', 'OPTIONAL_MUTUAL', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL'),
  (mode, walk) => {
    if (mode === 'SIMPLE') return mode;
    const message = `mode ${mode} is not yet supported`;
    return refuse(walk, { code: 'not-yet-supported', message, remedy: 'write SIMPLE' });
  },
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
        message: `"${suite.slice(0, 60)}" is not a cipher suite that is served`,
        remedy: suggestion(suite, suites),
      }),
);
