// Where the certificates of a Gateway's server come from: one way of naming them, and all of what the mode needs.
import { refuse, type Walk } from '../../decode/walk.ts';
import type { GatewayAuthority, GatewayCertificate, GatewayTls, GatewayTlsMode } from './spec.ts';

interface WrittenPair {
  readonly serverCertificate: string;
  readonly privateKey: string;
  readonly caCertificates?: string;
}

export interface WrittenCredentials {
  readonly credentialName?: string;
  readonly credentialNames?: readonly string[];
  readonly caCertCredentialName?: string;
  readonly serverCertificate?: string;
  readonly privateKey?: string;
  readonly caCertificates?: string;
  readonly caCrl?: string;
  readonly tlsCertificates?: readonly WrittenPair[];
}

type Credentials = Pick<GatewayTls, 'certificates' | 'authority'>;

const fields = [
  'credentialName',
  'credentialNames',
  'tlsCertificates',
  'serverCertificate',
  'privateKey',
  'caCertCredentialName',
  'caCertificates',
  'caCrl',
] as const;

/** Undefined when they are refused. */
export function checkCredentials(
  mode: GatewayTlsMode,
  tls: WrittenCredentials,
  walk: Walk,
): Credentials | undefined {
  if (mode === 'SIMPLE')
    return refuseFirst(mode, tls, authorityFields, walk) && certificatesOf(mode, tls, walk);
  if (mode === 'MUTUAL' || mode === 'OPTIONAL_MUTUAL') return mutualCredentials(mode, tls, walk);
  return refuseFirst(mode, tls, fields, walk);
}

type Field = (typeof fields)[number];
const authorityFields: readonly Field[] = ['caCertCredentialName', 'caCertificates', 'caCrl'];

const whyNot: Readonly<Record<GatewayTlsMode, string>> = {
  SIMPLE: 'asks clients for no certificate',
  MUTUAL: '',
  OPTIONAL_MUTUAL: '',
  ISTIO_MUTUAL: "uses the gateway's own identity and the roots of the mesh",
  PASSTHROUGH: 'does not end TLS here',
  AUTO_PASSTHROUGH: 'does not end TLS here',
};

/** None, unless one of these fields is there. */
function refuseFirst(
  mode: GatewayTlsMode,
  tls: WrittenCredentials,
  unwanted: readonly Field[],
  walk: Walk,
): Credentials | undefined {
  const field = unwanted.find((name) => tls[name] !== undefined);
  if (field === undefined) return { certificates: [] };
  const message = `mode ${mode} ${whyNot[mode]}`;
  const remedy = mode === 'SIMPLE' ? 'remove it, or set mode to MUTUAL' : 'remove it';
  return refuse(walk, { code: 'conflicting-fields', message, remedy }, 'tls', field);
}

function mutualCredentials(
  mode: GatewayTlsMode,
  tls: WrittenCredentials,
  walk: Walk,
): Credentials | undefined {
  const found = certificatesOf(mode, tls, walk);
  if (found === undefined) return undefined;
  const authority = authorityOf(tls);
  if (tls.caCrl !== undefined && authority?.kind !== 'files') {
    const message = 'is a file, but the roots come from a Secret';
    const remedy = 'put it into that Secret as ca.crl';
    return refuse(walk, { code: 'conflicting-fields', message, remedy }, 'tls', 'caCrl');
  }
  if (authority === undefined && found.certificates[0]?.kind === 'files') {
    const message = `mode ${mode} needs roots to check clients with`;
    return refuse(walk, { code: 'missing-field', message, remedy: 'add caCertificates' }, 'tls');
  }
  return { ...found, ...(authority === undefined ? {} : { authority }) };
}

function authorityOf(tls: WrittenCredentials): GatewayAuthority | undefined {
  if (tls.caCertCredentialName !== undefined)
    return { kind: 'secret', name: tls.caCertCredentialName, field: 'caCertCredentialName' };
  const inPair = tls.tlsCertificates?.find(({ caCertificates }) => caCertificates !== undefined);
  const certificates = tls.caCertificates ?? inPair?.caCertificates;
  if (certificates === undefined) return undefined;
  const field = tls.caCertificates === undefined ? 'tlsCertificates' : 'caCertificates';
  const revocations = tls.caCrl === undefined ? {} : { revocations: tls.caCrl };
  return { kind: 'files', certificates, ...revocations, field };
}

const ways = ['credentialName', 'credentialNames', 'tlsCertificates', 'serverCertificate'] as const;

function certificatesOf(mode: GatewayTlsMode, tls: WrittenCredentials, walk: Walk): Credentials | undefined {
  const used = ways.filter((way) => tls[way] !== undefined);
  const [way, other] = used;
  if (way === undefined) {
    const message = `mode ${mode} needs a credentialName`;
    const remedy = 'name a Secret of type kubernetes.io/tls';
    return refuse(walk, { code: 'missing-field', message, remedy }, 'tls');
  }
  if (other !== undefined) {
    const message = `${way} and ${other} exclude each other`;
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep one' }, 'tls', other);
  }
  if (way !== 'serverCertificate' && tls.privateKey !== undefined) {
    const message = `privateKey and ${way} exclude each other`;
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep one' }, 'tls', 'privateKey');
  }
  if (way === 'serverCertificate' && tls.privateKey === undefined) {
    const message = 'a certificate needs its key';
    return refuse(walk, { code: 'missing-field', message, remedy: 'add privateKey' }, 'tls');
  }
  return { certificates: certificatesBy(way, tls) };
}

function certificatesBy(way: (typeof ways)[number], tls: WrittenCredentials): readonly GatewayCertificate[] {
  switch (way) {
    case 'credentialName':
      return [{ kind: 'secret', name: tls.credentialName ?? '', field: way }];
    case 'credentialNames':
      return (tls.credentialNames ?? []).map((name, i) => ({ kind: 'secret', name, field: `${way}[${i}]` }));
    case 'serverCertificate':
      return [
        filesOf({ serverCertificate: tls.serverCertificate ?? '', privateKey: tls.privateKey ?? '' }, way),
      ];
    case 'tlsCertificates':
      return (tls.tlsCertificates ?? []).map((pair, i) => filesOf(pair, `${way}[${i}]`));
  }
}

const filesOf = ({ serverCertificate, privateKey }: WrittenPair, field: string): GatewayCertificate => ({
  kind: 'files',
  certificate: serverCertificate,
  key: privateKey,
  field,
});
