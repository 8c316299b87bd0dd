// caCertificates: the roots of other meshes, each for the trust domains that are theirs. Roots without a domain would prove everybody, and are refused.
import { andThen, type Decoder, list, quote, text } from '../../decode/decoder.ts';
import { type Decoded, object, optional, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import type { ForeignRootsSpec } from './spec.ts';

const maxPemLength = 256 * 1024;
const certificate =
  /-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\r\n]+\r?\n-----END CERTIFICATE-----(?:\r?\n)*/g;

/** Certificates and nothing else; what is in them is looked at where they are used. */
const pem: Decoder<string> = andThen(text, (written, walk) => {
  const isWhole =
    written.length <= maxPemLength &&
    written.includes('CERTIFICATE') &&
    written.replaceAll(certificate, '').trim() === '';
  if (isWhole) return written;
  const message = `is not a list of certificates in PEM of at most ${maxPemLength} characters`;
  return refuse(walk, {
    code: 'invalid-format',
    message,
    remedy: 'write what "xebec ca bundle" of the other mesh says',
  });
});

const domain: Decoder<string> = andThen(text, (written, walk) => {
  if (/^[a-z0-9](?:[a-z0-9._-]{0,253}[a-z0-9])?$/.test(written)) return written;
  const message = `${quote(written)} is not a trust domain`;
  return refuse(walk, {
    code: 'invalid-name',
    message,
    remedy: 'write a name in lower case such as east.example',
  });
});

const shape = {
  pem: optional(pem),
  trustDomains: withDefault<readonly string[]>(list(domain, { most: 100 }), []),
};

const roots = andThen(
  object(shape, { later: ['spiffeBundleUrl', 'certSigners'] }),
  ({ pem: written, trustDomains }: Decoded<typeof shape>, walk: Walk): ForeignRootsSpec | undefined => {
    if (written === undefined) {
      const message = 'the field "pem" is missing';
      return refuse(walk, {
        code: 'missing-field',
        message,
        remedy: 'add the roots of the other mesh as PEM',
      });
    }
    if (trustDomains.length > 0) return { pem: written, trustDomains };
    const message = 'roots without trustDomains would prove peers of every trust domain';
    const remedy =
      'say whose roots they are; "xebec ca rotate --from" takes another root of this mesh itself';
    return refuse(walk, { code: 'missing-field', message, remedy });
  },
);

export const caCertificates: Decoder<readonly ForeignRootsSpec[]> = list(roots, { most: 100 });
