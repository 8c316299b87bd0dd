// Certificates that Gateways show: whether the Secret has one at all, with the key that belongs to it, and whether it is valid now.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { ObjectLookup, ObjectOf } from '@xebec/config';
import type { Conflict } from '@xebec/mesh';
import type { ObjectKey } from '@xebec/model';

export interface CredentialScene {
  readonly objects: ObjectLookup;
  /** Secrets that somebody wrote and that are not valid, as `NAMESPACE/NAME`. */
  readonly refused: ReadonlySet<string>;
  readonly nowMs: number;
}

/** Each Secret once for each place that names it. */
export function* checkCredentials({ objects, refused, nowMs }: CredentialScene): Generator<Conflict> {
  const secrets = new Map<string, ObjectOf<'Secret'>[]>();
  for (const secret of objects.list('Secret')) {
    const known = secrets.get(secret.metadata.name);
    if (known === undefined) secrets.set(secret.metadata.name, [secret]);
    else known.push(secret);
  }
  const refusedNames = new Set([...refused].map((key) => key.slice(key.indexOf('/') + 1)));
  for (const gateway of objects.list('Gateway')) {
    for (const { name, field } of namedSecrets(gateway)) {
      const short = name.slice(name.indexOf('/') + 1);
      const found = (secrets.get(short) ?? []).filter((each) => isMeant(name, each));
      const problem =
        found.length === 0 && refusedNames.has(short)
          ? 'it is not valid'
          : found.map((secret) => problemOf(secret, nowMs)).find((each) => each !== undefined);
      if (problem === undefined) continue;
      const { namespace, name: own } = gateway.metadata;
      yield {
        code: 'gateway-secret-invalid',
        object: `Gateway/${namespace}/${own}` satisfies ObjectKey,
        field,
        message: `the Secret ${name} cannot be shown to clients: ${problem}`,
        remedy: 'put a certificate that is valid and its key into tls.crt and tls.key',
      };
    }
  }
}

const namedSecrets = ({ spec }: ObjectOf<'Gateway'>) =>
  spec.servers.flatMap(({ tls }, server) =>
    (tls?.certificates ?? []).flatMap((each) =>
      each.kind === 'secret' ? [{ name: each.name, field: `spec.servers[${server}].tls.${each.field}` }] : [],
    ),
  );

const isMeant = (written: string, { metadata }: ObjectOf<'Secret'>): boolean =>
  !written.includes('/') || written === `${metadata.namespace}/${metadata.name}`;

function problemOf({ spec: { data } }: ObjectOf<'Secret'>, nowMs: number): string | undefined {
  const certificate = data['tls.crt'] ?? data['cert'];
  const key = data['tls.key'] ?? data['key'];
  if (certificate === undefined || key === undefined) return 'it has no tls.crt or no tls.key';
  const read = readCertificate(certificate);
  if (read === undefined) return 'tls.crt is not a certificate in PEM';
  if (Date.parse(read.validTo) < nowMs) return `the certificate expired on ${read.validTo}`;
  if (Date.parse(read.validFrom) > nowMs) return `the certificate is not valid before ${read.validFrom}`;
  return belongsTo(read, key) ? undefined : 'tls.key is not the key of the certificate';
}

function readCertificate(bytes: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(Buffer.from(bytes));
  } catch {
    return undefined;
  }
}

function belongsTo(certificate: X509Certificate, key: Uint8Array): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(Buffer.from(key)));
  } catch {
    return false;
  }
}
