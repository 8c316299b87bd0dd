// Gateway: the ports, hosts and certificates that router proxies serve.
import { andThen, boolean, type Decoder, list, oneOf, quote, text } from '../../decode/decoder.ts';
import { object, optional, required, withDefault } from '../../decode/object.ts';
import { refuse } from '../../decode/walk.ts';
import { ipAddress } from '../../values/address.ts';
import { hostName } from '../../values/host.ts';
import { nonEmptyPrintable } from '../../values/http.ts';
import { dnsSubdomain, isDnsLabel, portName } from '../../values/names.ts';
import { port } from '../../values/numbers.ts';
import { emptyMap } from '../../values/plain-map.ts';
import type { TextMap } from '../../values/shapes.ts';
import { labels } from '../../values/text-map.ts';
import { defineKind, istioNetworking, manifestOf } from '../define.ts';
import type { GatewayHost } from './spec.ts';
import { cipherSuite, tlsMode, tlsVersion } from './tls.ts';
import { checkServer, checkServers } from './validate.ts';

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

const protocol = andThen(
  oneOf('HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB', 'HTTPS', 'MONGO', 'TCP', 'TLS'),
  (word, walk) => {
    if (word === 'HTTP' || word === 'HTTP2' || word === 'GRPC' || word === 'HTTPS') return word;
    const message = `protocol ${word} is not yet supported`;
    return refuse(walk, { code: 'not-yet-supported', message, remedy: 'write HTTP, HTTP2, GRPC or HTTPS' });
  },
);

const tlsShape = {
  mode: optional(tlsMode),
  httpsRedirect: withDefault(boolean, false),
  credentialName: optional(dnsSubdomain),
  minProtocolVersion: optional(tlsVersion),
  maxProtocolVersion: optional(tlsVersion),
  cipherSuites: withDefault<readonly string[]>(list(cipherSuite, { most: 100 }), []),
};

const laterTls = [
  'caCertCredentialName',
  'caCertificates',
  'caCrl',
  'credentialNames',
  'privateKey',
  'serverCertificate',
  'subjectAltNames',
  'tlsCertificates',
  'verifyCertificateHash',
  'verifyCertificateSpki',
];

const serverShape = {
  name: optional(nonEmptyPrintable),
  port: required(
    object(
      { number: required(port), name: required(portName), protocol: required(protocol) },
      { later: ['targetPort'] },
    ),
  ),
  bind: optional(ipAddress),
  hosts: required(list(gatewayHost, { least: 1, most: 10_000 })),
  tls: optional(object(tlsShape, { later: laterTls })),
};

const server = andThen(object(serverShape, { later: ['defaultEndpoint'] }), checkServer);

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
