// TLS from a client's proxy to the destination. What cannot be verified is refused, never sent in the clear.
import { andThen, boolean, type Decoder, list, oneOf, quote, text } from '../../decode/decoder.ts';
import { type Decoded, object, optional, withDefault } from '../../decode/object.ts';
import { caution, refuse, type Walk } from '../../decode/walk.ts';
import { hostName } from '../../values/host.ts';
import { nonEmptyPrintable } from '../../values/http.ts';
import { isDnsSubdomain } from '../../values/names.ts';
import type { ClientTls, TlsMaterial } from './spec.ts';

/** An absolute path without a way up. */
const filePath: Decoder<string> = andThen(nonEmptyPrintable, (path, walk) => {
  const isGood = path.startsWith('/') && !path.includes('~') && !path.split('/').includes('..');
  if (isGood) return path;
  const message = `${quote(path)} is not an absolute path`;
  return refuse(walk, { code: 'invalid-path', message, remedy: 'write one such as /etc/certs/ca.pem' });
});

const authorities: Decoder<string> = (value, walk) => (value === 'system' ? 'system' : filePath(value, walk));

const secretName: Decoder<string> = andThen(text, (written, walk) => {
  const name = written.replace(/^kubernetes:\/\//, '');
  if (isDnsSubdomain(name)) return name;
  const message = `${quote(written)} is not the name of a Secret`;
  return refuse(walk, {
    code: 'invalid-name',
    message,
    remedy: 'write the name of a Secret in the namespace of the proxy',
  });
});

const alternativeNames: Decoder<readonly string[]> = list(nonEmptyPrintable, { most: 1_000 });

const shape = {
  mode: withDefault(oneOf('DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'), 'DISABLE'),
  clientCertificate: optional(filePath),
  privateKey: optional(filePath),
  caCertificates: optional(authorities),
  caCrl: optional(filePath),
  credentialName: optional(secretName),
  subjectAltNames: withDefault<readonly string[]>(alternativeNames, []),
  sni: optional(hostName()),
  insecureSkipVerify: withDefault(boolean, false),
};

type Written = Decoded<typeof shape>;

const materialFields = [
  'clientCertificate',
  'privateKey',
  'caCertificates',
  'caCrl',
  'credentialName',
] as const;

export const clientTls: Decoder<ClientTls> = andThen(object(shape), (value, walk) => {
  const { mode, sni, subjectAltNames } = value;
  const named = { ...(sni === undefined ? {} : { sni }), subjectAltNames };
  if (mode === 'SIMPLE' || mode === 'MUTUAL') return originated({ ...value, mode }, walk);
  const extra = materialFields.find((field) => value[field] !== undefined);
  if (extra !== undefined) return refuse(walk, unused(extra, mode), extra);
  if (value.insecureSkipVerify) return refuse(walk, unused('insecureSkipVerify', mode), 'insecureSkipVerify');
  return mode === 'DISABLE' ? { mode } : { mode, ...named };
});

const unused = (field: string, mode: string) => ({
  code: 'conflicting-fields',
  message: `${field} does not go with mode ${mode}`,
  remedy: 'remove it, or write mode SIMPLE or MUTUAL',
});

function originated(
  value: Written & { readonly mode: 'SIMPLE' | 'MUTUAL' },
  walk: Walk,
): ClientTls | undefined {
  const { mode, sni, subjectAltNames, insecureSkipVerify: isUnverified } = value;
  const material = value.credentialName === undefined ? filesOf(value, walk) : secretOf(value, walk);
  if (material === undefined) return undefined;
  if (isUnverified) {
    const message = 'insecureSkipVerify: anybody can pretend to be this server';
    caution(walk, { code: 'insecure', message, remedy: 'remove it and name the CA' }, 'insecureSkipVerify');
  }
  return { mode, ...(sni === undefined ? {} : { sni }), subjectAltNames, material, isUnverified };
}

function secretOf(value: Written, walk: Walk): TlsMaterial | undefined {
  const extra = materialFields.find((field) => field !== 'credentialName' && value[field] !== undefined);
  if (extra !== undefined) {
    const message = `credentialName and ${extra} exclude each other`;
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep one' }, extra);
  }
  return { kind: 'secret', name: value.credentialName ?? '' };
}

function filesOf(value: Written, walk: Walk): TlsMaterial | undefined {
  const { mode, clientCertificate: certificate, privateKey: key, caCertificates, caCrl } = value;
  const isPair = certificate !== undefined && key !== undefined;
  if (mode === 'MUTUAL' && !isPair) {
    const message = 'mode MUTUAL needs a certificate to present';
    const remedy = 'add clientCertificate and privateKey, or credentialName';
    return refuse(walk, { code: 'missing-field', message, remedy });
  }
  if (mode === 'SIMPLE' && (certificate !== undefined || key !== undefined)) {
    const message = 'a certificate is presented only with mode MUTUAL';
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'write mode MUTUAL' }, 'mode');
  }
  return {
    kind: 'files',
    authorities: caCertificates ?? 'system',
    ...(caCrl === undefined ? {} : { revoked: caCrl }),
    ...(isPair ? { certificate, key } : {}),
  };
}
