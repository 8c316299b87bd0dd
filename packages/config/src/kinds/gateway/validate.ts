// What must hold between the fields of a Gateway's server: which TLS a protocol can have, and which fields a mode.
import { refuse, type Walk } from '../../decode/walk.ts';
import { checkCredentials, type WrittenCredentials } from './credentials.ts';
import type { ClientChecks, GatewayServerSpec, GatewayTls, GatewayTlsMode } from './spec.ts';
import type { TlsVersion } from './tls.ts';

interface WrittenTls extends WrittenCredentials {
  readonly mode?: GatewayTlsMode;
  readonly httpsRedirect: boolean;
  readonly subjectAltNames: readonly string[];
  readonly verifyCertificateSpki: readonly string[];
  readonly verifyCertificateHash: readonly string[];
  readonly insecureSkipVerify: boolean;
  readonly minProtocolVersion?: TlsVersion;
  readonly maxProtocolVersion?: TlsVersion;
  readonly cipherSuites: readonly string[];
}

type WrittenServer = Omit<GatewayServerSpec, 'tls' | 'httpsRedirect'> & { readonly tls?: WrittenTls };

export function checkServer(written: WrittenServer, walk: Walk): GatewayServerSpec | undefined {
  const { tls, ...server } = written;
  if (!checkPort(server, walk) || !checkTransport(server, walk)) return undefined;
  if (server.port.protocol === 'HTTPS' || server.port.protocol === 'TLS') {
    const served = checkTls(tls, server.port.protocol, walk);
    return served === undefined ? undefined : { ...server, tls: served, httpsRedirect: false };
  }
  if (!checkPlain(written, walk)) return undefined;
  return { ...server, httpsRedirect: tls?.httpsRedirect ?? false };
}

/** Clients of such a socket have no address, so there is nowhere to answer to. */
function checkTransport({ port, bind }: Pick<WrittenServer, 'port' | 'bind'>, walk: Walk): boolean {
  if (port.protocol !== 'UDP' || bind?.startsWith('unix:') !== true) return true;
  const message = 'datagrams are taken at an IP address';
  refuse(walk, { code: 'conflicting-fields', message, remedy: 'write an IP address, or remove it' }, 'bind');
  return false;
}

/** A socket has no port number, everything else has one. */
function checkPort({ port, bind }: Pick<WrittenServer, 'port' | 'bind'>, walk: Walk): boolean {
  const isSocket = bind?.startsWith('unix:') ?? false;
  if (isSocket === (port.number === 0)) return true;
  const message = isSocket ? 'a socket has no port number' : 'must be a whole number from 1 to 65535, is 0';
  const remedy = isSocket ? 'write number: 0' : 'write the number of the port';
  refuse(walk, { code: 'out-of-range', message, remedy }, 'port', 'number');
  return false;
}

/** Plaintext HTTP can redirect, and nothing else that `tls` says makes sense without TLS. */
function checkPlain({ port: { protocol }, tls }: WrittenServer, walk: Walk): boolean {
  if (tls === undefined) return true;
  const isHttp = protocol !== 'TCP' && protocol !== 'MONGO' && protocol !== 'UDP';
  const { mode, httpsRedirect, ...others } = tls;
  const says = Object.values(others).some((value) => (Array.isArray(value) ? value.length > 0 : value));
  if (mode === undefined && !says && (isHttp || !httpsRedirect)) return true;
  const remedy = isHttp
    ? 'set protocol to HTTPS, or keep only httpsRedirect'
    : `${protocol === 'UDP' ? '' : 'set protocol to TLS, or '}remove tls`;
  const message = `protocol ${protocol} is served in plaintext`;
  refuse(walk, { code: 'conflicting-fields', message, remedy }, 'tls');
  return false;
}

function checkTls(
  tls: WrittenTls | undefined,
  protocol: 'HTTPS' | 'TLS',
  walk: Walk,
): GatewayTls | undefined {
  if (tls?.mode === undefined) {
    const remedy = 'add tls: {mode: SIMPLE, credentialName: NAME-OF-A-SECRET}';
    const message = `protocol ${protocol} needs a TLS mode`;
    const complaint = { code: 'missing-field', message, remedy };
    return tls === undefined ? refuse(walk, complaint) : refuse(walk, complaint, 'tls');
  }
  const { mode } = tls;
  const isGood =
    checkRedirect(tls, protocol, walk) && checkVersions(tls, walk) && checkClient(mode, tls, walk);
  const credentials = checkCredentials(mode, tls, walk);
  if (!isGood || credentials === undefined || !checkOwn(mode, tls, walk)) return undefined;
  return {
    mode,
    ...credentials,
    client: clientOf(tls),
    isLenient: tls.insecureSkipVerify,
    ...versions(tls),
    cipherSuites: tls.cipherSuites,
  };
}

function checkRedirect({ httpsRedirect }: WrittenTls, protocol: string, walk: Walk): boolean {
  if (!httpsRedirect) return true;
  const message = `what is ${protocol} already cannot be redirected to HTTPS`;
  const remedy = 'put httpsRedirect on the HTTP server';
  refuse(walk, { code: 'conflicting-fields', message, remedy }, 'tls', 'httpsRedirect');
  return false;
}

function checkVersions({ minProtocolVersion, maxProtocolVersion }: WrittenTls, walk: Walk): boolean {
  if (minProtocolVersion !== 'TLSV1_3' || maxProtocolVersion !== 'TLSV1_2') return true;
  const message = 'no version is both at least TLSV1_3 and at most TLSV1_2';
  refuse(walk, { code: 'out-of-range', message, remedy: 'raise it' }, 'tls', 'maxProtocolVersion');
  return false;
}

/** A field that asks something of clients needs a mode that asks clients for a certificate. */
function checkClient(mode: GatewayTlsMode, tls: WrittenTls, walk: Walk): boolean {
  const asks = mode === 'MUTUAL' || mode === 'OPTIONAL_MUTUAL' || mode === 'ISTIO_MUTUAL';
  const wrong = asks ? strangers(mode, tls) : clientFields.filter((field) => isSaid(tls[field]));
  const [field] = wrong;
  if (field === undefined) return true;
  const message = `mode ${mode} ${asks ? 'checks clients by the roots of the mesh' : 'asks clients for no certificate'}`;
  const remedy = asks ? 'remove it, or set mode to MUTUAL' : 'remove it, or set mode to MUTUAL';
  refuse(walk, { code: 'conflicting-fields', message, remedy }, 'tls', field);
  return false;
}

const clientFields = [
  'subjectAltNames',
  'verifyCertificateSpki',
  'verifyCertificateHash',
  'insecureSkipVerify',
] as const;

/** Identities of the mesh are renewed every few hours: their hashes cannot be named, and they must verify. */
const strangers = (mode: GatewayTlsMode, tls: WrittenTls) =>
  mode === 'ISTIO_MUTUAL'
    ? clientFields.filter((field) => field !== 'subjectAltNames' && isSaid(tls[field]))
    : [];

const isSaid = (value: boolean | readonly string[]): boolean =>
  typeof value === 'boolean' ? value : value.length > 0;

/** What passes through is between client and destination: there is nothing to choose here. */
function checkOwn(mode: GatewayTlsMode, tls: WrittenTls, walk: Walk): boolean {
  if (mode !== 'PASSTHROUGH' && mode !== 'AUTO_PASSTHROUGH') return true;
  const fields = ['minProtocolVersion', 'maxProtocolVersion', 'cipherSuites'] as const;
  const field = fields.find((name) => tls[name] !== undefined && tls[name].length > 0);
  if (field === undefined) return true;
  const message = `mode ${mode} does not end TLS here`;
  const complaint = { code: 'conflicting-fields', message, remedy: 'remove it, or set mode to SIMPLE' };
  refuse(walk, complaint, 'tls', field);
  return false;
}

const clientOf = (tls: WrittenTls): ClientChecks => ({
  subjectAltNames: tls.subjectAltNames,
  certificateHashes: tls.verifyCertificateHash,
  keyHashes: tls.verifyCertificateSpki,
});

function versions({ minProtocolVersion: least, maxProtocolVersion: most }: WrittenTls): Partial<GatewayTls> {
  return {
    ...(least === undefined || least === 'TLS_AUTO' ? {} : { minVersion: least }),
    ...(most === undefined || most === 'TLS_AUTO' ? {} : { maxVersion: most }),
  };
}
