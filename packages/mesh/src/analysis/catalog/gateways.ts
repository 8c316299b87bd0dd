// Gateways: servers, secrets, and what leads through them.
import type { FindingRule } from './finding-rule.ts';

export const gateways = [
  {
    code: 'IST0138',
    name: 'GatewayDuplicateCertificate',
    severity: 'warning',
    meaning:
      'Two Gateways of the same proxies show one certificate: browsers may reuse an HTTP/2 connection to one host for the other, and get 404.',
    remedy: 'Put the hosts into one server, or give each its own certificate.',
    reasons: ['gateway-certificate-twice'],
  },
  {
    code: 'IST0145',
    name: 'ConflictingGateways',
    severity: 'error',
    meaning:
      'Servers of Gateways for the same proxies want the same port and host, or one port in two ways; the later one is left out.',
    remedy: 'Let one server have the host, or use another port.',
    reasons: ['gateway-host-claimed-twice', 'gateway-port-conflict', 'gateway-port-name-twice'],
  },
  {
    code: 'IST0161',
    name: 'InvalidGatewayCredential',
    severity: 'error',
    meaning:
      'The Secret that a Gateway names holds no certificate and key that fit, or none that is valid now.',
    remedy: 'Put a certificate and its key into tls.crt and tls.key, in PEM.',
    reasons: ['gateway-secret-invalid'],
  },
  {
    code: 'IST0162',
    name: 'GatewayPortNotDefinedOnService',
    severity: 'warning',
    meaning: 'A Gateway opens a port that no Service of its workloads leads to.',
    remedy: 'Add the port to the Service of the gateway.',
    reasons: ['gateway-port-unserved'],
  },
  {
    code: 'XB0401',
    name: 'GatewayServerUnrouted',
    severity: 'warning',
    meaning: 'A server of a Gateway has no route: what comes to it goes nowhere.',
    remedy: 'Bind a VirtualService to the Gateway with the rules that this server needs.',
    reasons: ['gateway-server-unrouted'],
  },
  {
    code: 'XB0402',
    name: 'SecretOfAnotherNamespace',
    severity: 'error',
    meaning: 'A Gateway names a Secret of a namespace that is neither its own nor that of its workloads.',
    remedy: 'Put the Secret into the namespace of the workloads and write its name only.',
    reasons: ['gateway-secret-foreign'],
  },
  {
    code: 'XB0403',
    name: 'RouteNotExportedToGateway',
    severity: 'warning',
    meaning:
      'A VirtualService is not exported to the namespace whose proxies serve the Gateway it is bound to.',
    remedy: 'Add that namespace to exportTo.',
    reasons: ['gateway-route-not-exported'],
  },
  {
    code: 'XB0404',
    name: 'GatewayNamesNothing',
    severity: 'warning',
    meaning: 'A server with AUTO_PASSTHROUGH lets clients name no service at all.',
    remedy: 'Write *.local, or put the Gateway into the namespace of the gateway workload.',
    reasons: ['gateway-names-nothing'],
  },
  {
    code: 'XB0405',
    name: 'GatewayDestinationUnresolved',
    severity: 'error',
    meaning:
      'A route of a Gateway leads to a host with resolution NONE, which means: where the client connected. That is the gateway itself.',
    remedy: 'Use resolution DYNAMIC_DNS, or DNS for a host without a wildcard.',
    reasons: ['gateway-destination-unresolved'],
  },
  {
    code: 'XB0406',
    name: 'GatewayDatagramsUnroutable',
    severity: 'error',
    meaning:
      'A rule for the UDP port of a Gateway has several destinations, a subset or destinationSubnets: datagrams cannot be told apart or shared.',
    remedy: 'Write one destination without subset, and no destinationSubnets.',
    reasons: ['gateway-datagrams-unroutable'],
  },
] as const satisfies readonly FindingRule[];
