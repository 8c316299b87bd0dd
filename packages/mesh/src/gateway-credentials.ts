// TLS of one gateway server: which secrets it names, and whether the proxy may have them.
import type { GatewayAuthority, GatewayCertificate, GatewayTls } from '@xebec/config';
import type { ProxyNode, SecretReference, ServerTls, TlsLimits } from '@xebec/model';
import type { Conflict } from './conflict.ts';
import type { OpenServer } from './gateway-hosts.ts';
import { authorityName, secretName } from './secrets.ts';

export interface CredentialContext {
  readonly proxy: ProxyNode;
  readonly hasSecret: (name: string) => boolean;
}

export interface CredentialResult {
  /** Absent: the server cannot be opened. */
  readonly tls?: ServerTls;
  readonly conflicts: readonly Conflict[];
}

export function serverTlsOf(server: OpenServer, context: CredentialContext): CredentialResult {
  const { tls } = server.spec;
  if (tls === undefined) return { tls: { kind: 'none' }, conflicts: [] };
  switch (tls.mode) {
    case 'PASSTHROUGH':
    case 'AUTO_PASSTHROUGH':
      return { tls: { kind: 'passthrough' }, conflicts: [] };
    case 'ISTIO_MUTUAL': {
      const { subjectAltNames } = tls.client;
      return { tls: { kind: 'mesh', subjectAltNames, ...limitsOf(tls) }, conflicts: [] };
    }
    case 'SIMPLE':
    case 'MUTUAL':
    case 'OPTIONAL_MUTUAL':
      return certificateTlsOf(server, tls, context);
  }
}

const limitsOf = ({ minVersion, maxVersion, cipherSuites }: GatewayTls): TlsLimits => ({
  ...(minVersion === undefined ? {} : { minVersion }),
  ...(maxVersion === undefined ? {} : { maxVersion }),
  cipherSuites,
});

/** A reference, or why there is none. */
interface Found {
  readonly reference?: SecretReference;
  readonly conflicts: readonly Conflict[];
}

function certificateTlsOf(server: OpenServer, tls: GatewayTls, context: CredentialContext): CredentialResult {
  const found = tls.certificates.map((each) => certificateOf(server, each, context));
  const [first] = tls.certificates;
  const authority =
    tls.mode === 'SIMPLE' || first === undefined
      ? undefined
      : authorityOf(server, tls.authority ?? first, context);
  const conflicts = [...found, ...(authority === undefined ? [] : [authority])].flatMap(
    (each) => each.conflicts,
  );
  const certificates = found.flatMap(({ reference }) => reference ?? []);
  if (certificates.length < found.length) return { conflicts };
  const opened = { kind: 'certificate' as const, certificates, ...limitsOf(tls) };
  if (authority === undefined) return { tls: opened, conflicts };
  if (authority.reference === undefined) return { conflicts };
  const client = {
    ...tls.client,
    isRequired: tls.mode === 'MUTUAL',
    authority: authority.reference,
    isLenient: tls.isLenient,
  };
  return { tls: { ...opened, client }, conflicts };
}

function certificateOf(server: OpenServer, written: GatewayCertificate, context: CredentialContext): Found {
  if (written.kind === 'files')
    return { reference: agentFiles('file-cert', written.certificate, written.key), conflicts: [] };
  return secretOf(server, written, { ...context, nameIn: secretName, what: 'a certificate and a key' });
}

function authorityOf(
  server: OpenServer,
  written: GatewayAuthority | GatewayCertificate,
  context: CredentialContext,
): Found {
  if (written.kind === 'secret')
    return secretOf(server, written, { ...context, nameIn: rootsIn, what: 'roots (ca.crt)' });
  if ('key' in written) return { conflicts: [] };
  return { reference: agentFiles('file-root', written.certificates, written.revocations), conflicts: [] };
}

const rootsIn = (namespace: string, name: string): string =>
  name.endsWith('-cacert') ? secretName(namespace, name) : authorityName(secretName(namespace, name));

/** As Istio names files: the agent reads them. */
const agentFiles = (kind: 'file-cert' | 'file-root', first: string, second?: string): SecretReference => ({
  from: 'agent',
  name: `${kind}:${first}${second === undefined ? '' : `~${second}`}`,
});

interface SecretLookup extends CredentialContext {
  readonly nameIn: (namespace: string, name: string) => string;
  readonly what: string;
}

interface WrittenSecret {
  readonly name: string;
  readonly field: string;
}

/**
 * A Secret of the proxy's own namespace, else of the Gateway's: who wrote the Gateway may show what is their own. Those
 * of a third namespace are neither's to show.
 */
function secretOf(server: OpenServer, written: WrittenSecret, lookup: SecretLookup): Found {
  const { proxy, hasSecret, nameIn } = lookup;
  const slash = written.name.indexOf('/');
  const name = written.name.slice(slash + 1);
  const own = [...new Set([proxy.namespace, server.namespace])];
  const allowed = slash < 0 ? own : own.filter((namespace) => namespace === written.name.slice(0, slash));
  const [first] = allowed;
  if (first === undefined) return { conflicts: [foreignSecret(server, written, proxy)] };
  const namespace = allowed.find((candidate) => hasSecret(nameIn(candidate, name))) ?? first;
  const reference: SecretReference = { from: 'control-plane', name: nameIn(namespace, name) };
  const isThere = hasSecret(reference.name);
  return {
    reference,
    conflicts: isThere ? [] : [missingSecret(server, written, { namespace, name, ...lookup })],
  };
}

const foreignSecret = (
  { gateway, cause, namespace }: OpenServer,
  { name, field }: WrittenSecret,
  proxy: ProxyNode,
): Conflict => ({
  code: 'gateway-secret-foreign',
  object: gateway,
  field: `${cause.field}.tls.${field}`,
  message: `"${name}" is no secret of ${proxy.namespace}, the namespace of the gateway workload, nor of ${namespace}, the Gateway's own; this server is left out`,
  remedy: `put the secret into namespace ${proxy.namespace} and write its name only`,
});

const missingSecret = (
  { gateway, cause }: OpenServer,
  { field }: WrittenSecret,
  { namespace, name, what }: { readonly namespace: string; readonly name: string; readonly what: string },
): Conflict => ({
  code: 'gateway-secret-missing',
  object: gateway,
  field: `${cause.field}.tls.${field}`,
  message: `there is no secret kubernetes://${namespace}/${name} with ${what}; connections are refused until there is`,
  remedy: what.startsWith('roots')
    ? `add ca.crt to it, or create a Secret ${name}-cacert with ca.crt`
    : 'create it: a Secret with tls.crt and tls.key',
});
