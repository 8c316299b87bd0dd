// EgressRules → ServiceEntries; where the sidecar was to begin TLS, with a DestinationRule that says so.
import { isIpAddress } from '../values/address.ts';
import type { EgressRule } from './old-kinds.ts';
import {
  type Conversion,
  type Doubt,
  type Manifest,
  manifest,
  type Source,
  type Sources,
} from './sources.ts';

const tcpProtocols = ['TCP', 'MONGO', 'REDIS'];

export function convertEgressRules({ egressRules }: Sources): Conversion {
  const doubts: Doubt[] = [];
  return { manifests: egressRules.flatMap((rule) => convert(rule, doubts)), doubts };
}

const isAddress = (service: string): boolean => isIpAddress(service.split('/')[0] ?? '');

function convert(rule: Source<EgressRule>, doubts: Doubt[]): readonly Manifest[] {
  const { metadata, spec } = rule;
  const { service } = spec.destination;
  if (isAddress(service)) return [entryForAddress(rule)];
  if (service.includes('*') && !service.startsWith('*.')) {
    doubts.push({
      source: rule,
      severity: 'error',
      path: ['spec', 'destination', 'service'],
      message: `"${service}" has a wildcard inside a label`,
      remedy: 'a wildcard stands for the whole first label today: *.example.com',
    });
    return [];
  }
  const isWildcard = service.startsWith('*.');
  const entry = manifest('ServiceEntry', metadata, {
    hosts: [service],
    location: 'MESH_EXTERNAL',
    resolution: isWildcard ? 'NONE' : 'DNS',
    ports: spec.ports.map(portOf),
  });
  const origination = tlsOrigination(rule);
  return origination === undefined ? [entry] : [entry, origination];
}

/** Applications spoke plaintext HTTP to a port of protocol HTTPS; the sidecar made TLS of it. */
function portOf({ port, protocol }: EgressRule['ports'][number]): Manifest {
  const spoken = protocol === 'HTTPS' ? 'HTTP' : protocol;
  return { number: port, name: `${spoken.toLowerCase()}-${port}`, protocol: spoken };
}

function tlsOrigination({ metadata, spec }: Source<EgressRule>): Manifest | undefined {
  const ports = spec.ports.filter(({ protocol }) => protocol === 'HTTPS');
  if (ports.length === 0) return undefined;
  const settings = ports.map(({ port }) => ({ port: { number: port }, tls: { mode: 'SIMPLE' } }));
  return manifest('DestinationRule', metadata, {
    host: spec.destination.service,
    trafficPolicy: { portLevelSettings: settings },
  });
}

/** Addresses have no host of their own: the rule's name is made into one. */
function entryForAddress({ metadata, spec }: Source<EgressRule>): Manifest {
  return manifest('ServiceEntry', metadata, {
    hosts: [`${metadata.name}.${metadata.namespace}.egress.internal`],
    addresses: [spec.destination.service],
    location: 'MESH_EXTERNAL',
    resolution: 'NONE',
    ports: spec.ports.map(({ port, protocol }) => {
      const spoken = tcpProtocols.includes(protocol) ? protocol : 'TCP';
      return { number: port, name: `${spoken.toLowerCase()}-${port}`, protocol: spoken };
    }),
  });
}
