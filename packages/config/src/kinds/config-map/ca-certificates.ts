// caCertificates: the roots of other meshes, written or where they are fetched from, each for the trust domains that are theirs. Roots without a domain would prove everybody, and are refused.
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

const bundleUrl: Decoder<string> = andThen(text, (written, walk) => {
  const url = URL.canParse(written) ? new URL(written) : undefined;
  const isPlain = url?.username === '' && url.password === '' && !/[#\s]/.test(written);
  if (url?.protocol === 'https:' && isPlain && written.length <= 2_048) return written;
  return refuse(walk, {
    code: 'invalid-url',
    message: `${quote(written)} is not where a bundle can be asked for`,
    remedy:
      'write https://HOST/PATH, without a name and password: who could change the answer could be anybody',
  });
});

const endpointId: Decoder<string> = andThen(text, (written, walk) => {
  if (/^spiffe:\/\/[a-z0-9._-]{1,255}(\/[A-Za-z0-9._-]+)+$/.test(written)) return written;
  return refuse(walk, {
    code: 'invalid-name',
    message: `${quote(written)} is not a SPIFFE id`,
    remedy: 'write spiffe://TRUST-DOMAIN/ns/istio-system/sa/istiod, or who else serves the bundle there',
  });
});

const shape = {
  pem: optional(pem),
  trustDomains: withDefault<readonly string[]>(list(domain, { most: 100 }), []),
  spiffeBundleUrl: optional(bundleUrl),
  spiffeEndpointId: optional(endpointId),
};

type Written = Decoded<typeof shape>;

const roots = andThen(
  object(shape, { later: ['certSigners'] }),
  (written: Written, walk: Walk): ForeignRootsSpec | undefined => {
    const flaw = flawOf(written);
    if (flaw !== undefined) return refuse(walk, flaw);
    const { pem: certificates, trustDomains, spiffeBundleUrl: url, spiffeEndpointId } = written;
    if (url === undefined) return { kind: 'written', pem: certificates ?? '', trustDomains };
    const endpoint =
      certificates === undefined || spiffeEndpointId === undefined
        ? {}
        : { endpoint: { id: spiffeEndpointId, firstPem: certificates } };
    return { kind: 'fetched', url, trustDomains, ...endpoint };
  },
);

function flawOf({ pem: certificates, trustDomains, spiffeBundleUrl: url, spiffeEndpointId: id }: Written) {
  if (trustDomains.length === 0)
    return {
      code: 'missing-field',
      message: 'roots without trustDomains would prove peers of every trust domain',
      remedy: 'say whose roots they are; "xebec ca rotate --from" takes another root of this mesh itself',
    };
  if (url === undefined && certificates === undefined)
    return {
      code: 'missing-field',
      message: 'neither "pem" nor "spiffeBundleUrl" is there',
      remedy: 'write the roots of the other mesh as PEM, or where its bundle is',
    };
  if (url === undefined) return id === undefined ? undefined : withoutUrl;
  if (trustDomains.length > 1)
    return {
      code: 'conflicting-fields',
      message: 'a bundle is of one trust domain, and there are several',
      remedy: 'write an entry for each, with its own spiffeBundleUrl',
    };
  if ((certificates === undefined) !== (id === undefined)) return halfEndpoint;
  return id === undefined || id.startsWith(`spiffe://${trustDomains[0]}/`) ? undefined : otherEndpoint;
}

const withoutUrl = {
  code: 'conflicting-fields',
  message: 'spiffeEndpointId says who serves a bundle, and there is no spiffeBundleUrl',
  remedy: 'add spiffeBundleUrl, or leave spiffeEndpointId out',
};

const halfEndpoint = {
  code: 'missing-field',
  message:
    'with spiffeBundleUrl, pem and spiffeEndpointId come together or not at all: the first roots, and who must answer by them',
  remedy:
    'leave both out when a certificate of the web answers there, write both when one of the other mesh does',
};

const otherEndpoint = {
  code: 'conflicting-fields',
  message: 'spiffeEndpointId is of another trust domain than the bundle',
  remedy: 'name who serves the bundle in its own trust domain',
};

export const caCertificates: Decoder<readonly ForeignRootsSpec[]> = list(roots, { most: 100 });
