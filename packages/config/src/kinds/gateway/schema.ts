// Gateway: the ports, hosts and certificates that router proxies serve.
import { andThen, boolean, type Decoder, integer, list, oneOf, quote, text } from '../../decode/decoder.ts';
import { object, optional, required, withDefault } from '../../decode/object.ts';
import { refuse } from '../../decode/walk.ts';
import { isIpAddress } from '../../values/address.ts';
import { hostName } from '../../values/host.ts';
import { nonEmptyPrintable } from '../../values/http.ts';
import { dnsSubdomain, isDnsLabel, portName } from '../../values/names.ts';

import { emptyMap } from '../../values/plain-map.ts';
import type { TextMap } from '../../values/shapes.ts';
import { labels } from '../../values/text-map.ts';
import { defineKind, istioNetworking, manifestOf } from '../define.ts';
import { checkServers } from './check-servers.ts';
import type { GatewayHost } from './spec.ts';
import { certificateHash, cipherSuite, filePath, keyHash, tlsMode, tlsVersion } from './tls.ts';
import { checkServer } from './validate.ts';

const name = hostName({ wildcard: true, any: true });

/** `HOST` or `NAMESPACE/HOST`. */
const gatewayHost: Decoder<GatewayHost> = andThen(text, (written, walk) => {
  const slash = written.indexOf('/');
  const namespace = slash < 0 ? '*' : written.slice(0, slash);
  if (namespace !== '*' && namespace !== '.' && !isDnsLabel(namespace)) {
    return refuse(walk, {
      code: 'invalid-host',
      message: `${quote(namespace)} is not a namespace`,
      remedy: 'write HOST, NAMESPACE/HOST, ./HOST or */HOST',
    });
  }
  const host = name(written.slice(slash + 1), walk);
  return host === undefined ? undefined : { namespace, host };
});

/** A socket file would replace whatever stands at its path, so only sockets without a file can be named. */
const bind: Decoder<string> = andThen(text, (written, walk) => {
  if (isIpAddress(written) || /^unix:\/\/@[\x21-\x7e]{1,90}$/.test(written)) return written;
  return refuse(walk, {
    code: 'invalid-address',
    message: `${quote(written)} is not an address to listen on`,
    remedy: written.startsWith('unix:')
      ? 'write unix://@NAME, a socket that has no file'
      : 'write an IP address, or unix://@NAME',
  });
});

/** 0 when `bind` is a socket: that is checked once both are known. */
const portOrZero = integer(0, 65_535);

const names = list(nonEmptyPrintable, { most: 1_000 });
const credentials = list(dnsSubdomain, { least: 1, most: 2 });

const pair = object({
  serverCertificate: required(filePath),
  privateKey: required(filePath),
  caCertificates: optional(filePath),
});

const tlsShape = {
  mode: optional(tlsMode),
  httpsRedirect: withDefault(boolean, false),
  credentialName: optional(credentialReference()),
  credentialNames: optional(credentials),
  caCertCredentialName: optional(dnsSubdomain),
  serverCertificate: optional(filePath),
  privateKey: optional(filePath),
  caCertificates: optional(filePath),
  caCrl: optional(filePath),
  tlsCertificates: optional(list(pair, { least: 1, most: 2 })),
  subjectAltNames: withDefault<readonly string[]>(names, []),
  verifyCertificateSpki: withDefault<readonly string[]>(list(keyHash, { most: 100 }), []),
  verifyCertificateHash: withDefault<readonly string[]>(list(certificateHash, { most: 100 }), []),
  insecureSkipVerify: withDefault(boolean, false),
  minProtocolVersion: optional(tlsVersion),
  maxProtocolVersion: optional(tlsVersion),
  cipherSuites: withDefault<readonly string[]>(list(cipherSuite, { most: 100 }), []),
};

/** `NAME`, or `kubernetes://NAME` and `kubernetes://NAMESPACE/NAME` as Istio's own objects write it. */
function credentialReference(): Decoder<string> {
  return andThen(text, (written, walk) => {
    const parts = written.replace(/^kubernetes:\/\//, '').split('/');
    const last = parts.at(-1) ?? '';
    if (parts.length > 2 || (parts.length === 2 && !isDnsLabel(parts[0] ?? ''))) {
      return refuse(walk, {
        code: 'invalid-name',
        message: `${quote(written)} is not the name of a Secret`,
        remedy: 'write NAME, or NAMESPACE/NAME',
      });
    }
    return dnsSubdomain(last, walk) === undefined ? undefined : parts.join('/');
  });
}

const serverShape = {
  name: optional(nonEmptyPrintable),
  port: required(
    object(
      {
        number: required(portOrZero),
        name: required(portName),
        protocol: required(oneOf('HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB', 'HTTPS', 'MONGO', 'TCP', 'TLS', 'UDP')),
      },
      { inert: ['targetPort'] },
    ),
  ),
  bind: optional(bind),
  hosts: required(list(gatewayHost, { least: 1, most: 10_000 })),
  tls: optional(object(tlsShape)),
};

const server = andThen(object(serverShape, { inert: ['defaultEndpoint'] }), checkServer);

const spec = object({
  selector: withDefault<TextMap>(labels, emptyMap),
  servers: required(andThen(list(server, { least: 1, most: 1_000 }), checkServers)),
});

export const gatewayKind = defineKind({
  ...istioNetworking,
  kind: 'Gateway',
  plural: 'gateways',
  shortNames: ['gw'],
  body: andThen(manifestOf({ spec: required(spec) }, { ignored: ['status'] }), (value) => value.spec),
});
