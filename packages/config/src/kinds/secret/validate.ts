// What the data of a Secret must be: bounded, and complete when its type promises a certificate.
import { refuse, type Walk } from '../../decode/walk.ts';
import type { SecretSpec } from './spec.ts';

const maxBytes = 1_048_576;

export function checkParts(spec: SecretSpec, walk: Walk): SecretSpec | undefined {
  let size = 0;
  for (const key of Object.keys(spec.data)) size += spec.data[key]?.length ?? 0;
  if (size > maxBytes) {
    return refuse(
      walk,
      {
        code: 'too-many',
        message: `holds ${size} bytes, the most is ${maxBytes}`,
        remedy: 'keep less in it, or in several Secrets',
      },
      'data',
    );
  }
  if (spec.type !== 'kubernetes.io/tls') return spec;
  const isCertificate = checkPem(spec, 'tls.crt', walk);
  return checkPem(spec, 'tls.key', walk) && isCertificate ? spec : undefined;
}

function checkPem(spec: SecretSpec, key: string, walk: Walk): boolean {
  const bytes = spec.data[key];
  if (bytes === undefined) {
    const message = `a Secret of type kubernetes.io/tls needs "${key}"`;
    refuse(walk, { code: 'missing-field', message, remedy: `add "${key}"` }, 'data');
    return false;
  }
  const head = new TextDecoder().decode(bytes.subarray(0, 4_096));
  if (head.includes('-----BEGIN ')) return true;
  const complaint = { code: 'invalid-pem', message: 'is not PEM', remedy: 'write it as -----BEGIN …-----' };
  refuse(walk, complaint, 'data', key);
  return false;
}
