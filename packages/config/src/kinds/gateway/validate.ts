// What must hold between the fields of a Gateway's servers.
import { refuse, type Walk } from '../../decode/walk.ts';
import type { GatewayServerSpec, GatewayTls } from './spec.ts';
import type { TlsVersion } from './tls.ts';

interface WrittenTls {
  readonly mode?: 'SIMPLE';
  readonly httpsRedirect: boolean;
  readonly credentialName?: string;
  readonly minProtocolVersion?: TlsVersion;
  readonly maxProtocolVersion?: TlsVersion;
  readonly cipherSuites: readonly string[];
}

type WrittenServer = Omit<GatewayServerSpec, 'tls' | 'httpsRedirect'> & { readonly tls?: WrittenTls };

/** HTTPS needs a certificate; plaintext protocols can only redirect. */
export function checkServer({ tls, ...server }: WrittenServer, walk: Walk): GatewayServerSpec | undefined {
  if (server.port.protocol === 'HTTPS') {
    const served = checkTls(tls, walk);
    return served === undefined ? undefined : { ...server, tls: served, httpsRedirect: false };
  }
  if (tls?.mode !== undefined || tls?.credentialName !== undefined) {
    const message = `protocol ${server.port.protocol} is served in plaintext`;
    const remedy = 'set protocol to HTTPS, or keep only httpsRedirect';
    return refuse(walk, { code: 'conflicting-fields', message, remedy }, 'tls');
  }
  return { ...server, httpsRedirect: tls?.httpsRedirect ?? false };
}

function checkTls(tls: WrittenTls | undefined, walk: Walk): GatewayTls | undefined {
  if (tls?.mode === undefined) {
    const remedy = 'add tls: {mode: SIMPLE, credentialName: NAME-OF-A-SECRET}';
    const complaint = { code: 'missing-field', message: 'protocol HTTPS needs a TLS mode', remedy };
    return tls === undefined ? refuse(walk, complaint) : refuse(walk, complaint, 'tls');
  }
  if (tls.credentialName === undefined) {
    const message = 'mode SIMPLE needs a credentialName';
    return refuse(
      walk,
      { code: 'missing-field', message, remedy: 'name a Secret of type kubernetes.io/tls' },
      'tls',
    );
  }
  if (tls.httpsRedirect) {
    const message = 'what is HTTPS already cannot be redirected to it';
    const remedy = 'put httpsRedirect on the HTTP server';
    return refuse(walk, { code: 'conflicting-fields', message, remedy }, 'tls', 'httpsRedirect');
  }
  if (tls.minProtocolVersion === 'TLSV1_3' && tls.maxProtocolVersion === 'TLSV1_2') {
    const message = 'no version is both at least TLSV1_3 and at most TLSV1_2';
    return refuse(walk, { code: 'out-of-range', message, remedy: 'raise it' }, 'tls', 'maxProtocolVersion');
  }
  return { ...versions(tls), credentialName: tls.credentialName, cipherSuites: tls.cipherSuites };
}

function versions({ minProtocolVersion: least, maxProtocolVersion: most }: WrittenTls): Partial<GatewayTls> {
  return {
    ...(least === undefined || least === 'TLS_AUTO' ? {} : { minVersion: least }),
    ...(most === undefined || most === 'TLS_AUTO' ? {} : { maxVersion: most }),
  };
}

/** Port names are unique; servers that share a port agree on TLS or plaintext and on the address. */
export function checkServers(
  servers: readonly GatewayServerSpec[],
  walk: Walk,
): readonly GatewayServerSpec[] | undefined {
  const names = new Set<string>();
  const kinds = new Map<string, boolean>();
  let isGood = true;
  for (const [index, { port, tls, bind = '' }] of servers.entries()) {
    if (names.has(port.name)) {
      isGood = false;
      const message = `two servers have the port name "${port.name}"`;
      refuse(walk, { code: 'duplicate', message, remedy: 'rename one' }, index, 'port', 'name');
    }
    names.add(port.name);
    const place = `${bind}:${port.number}`;
    const isTls = tls !== undefined;
    if ((kinds.get(place) ?? isTls) !== isTls) {
      isGood = false;
      const message = `port ${port.number} cannot be both plaintext and TLS`;
      const remedy = 'use two port numbers';
      refuse(walk, { code: 'conflicting-fields', message, remedy }, index, 'port', 'protocol');
    }
    kinds.set(place, isTls);
  }
  return isGood ? servers : undefined;
}
