// Both sides of mutual TLS: what clients are told to begin, and what the servers take.
import type { Destination, EndpointSet, InboundPort } from '@xebec/model';
import { hostPort } from '@xebec/model';
import type { Conflict } from '../conflict.ts';
import { isSelected } from '../label-selectors.ts';
import type { Scene } from './scene.ts';

/** By host and service port: what some proxy of the workloads takes. */
type Modes = ReadonlyMap<string, { readonly port: InboundPort; readonly proxies: number }>;

export function* checkMutualTls(scene: Scene): Generator<Conflict> {
  const strict = strictPorts(scene);
  for (const [, destination] of scene.mesh.destinations.entries()) {
    const rule = destination.causes.find(({ object }) => object.startsWith('DestinationRule/'));
    if (rule === undefined) continue;
    for (const port of destination.service.ports) {
      const mode = modeFor(destination, port.number);
      const name = hostPort(destination.service.host, port);
      const server = strict.get(name);
      if (mode === 'DISABLE' && server !== undefined)
        yield mismatch(
          rule.object,
          `${name.replace('|', ':')} is told plaintext by it, and ${causeOf(server.port)} has its workloads take mutual TLS only`,
        );
      else if (mode === 'ISTIO_MUTUAL' && takesNone(scene, scene.mesh.endpointSets.get(`*|${name}`)))
        yield mismatch(
          rule.object,
          `${name.replace('|', ':')} is told mutual TLS by it, and no endpoint takes that`,
        );
    }
  }
}

const mismatch = (object: Conflict['object'], message: string): Conflict => ({
  code: 'mtls-mismatch',
  object,
  field: 'spec.trafficPolicy',
  message: `${message}; connections fail`,
  remedy: 'remove tls from this DestinationRule (mutual TLS is automatic), or change the PeerAuthentication',
});

const causeOf = ({ causes }: InboundPort): string =>
  causes.find(({ object }) => object.startsWith('PeerAuthentication/'))?.object ?? 'a PeerAuthentication';

/** Ports of hosts where every proxy insists on mutual TLS. */
function strictPorts({ mesh }: Scene): Modes {
  const modes = new Map<string, { port: InboundPort; proxies: number; isStrict: boolean }>();
  for (const [, { ports, peer }] of mesh.inbounds.entries()) {
    for (const port of ports) {
      if (port.service === undefined) continue;
      const name = `${port.service.host}|${port.service.port}`;
      const known = modes.get(name);
      const isStrict = port.mutualTls === 'STRICT' && known?.isStrict !== false;
      const causes = [...port.causes, ...peer.causes];
      modes.set(name, { port: { ...port, causes }, proxies: (known?.proxies ?? 0) + 1, isStrict });
    }
  }
  return new Map([...modes].filter(([, { isStrict }]) => isStrict));
}

const modeFor = ({ policy, portPolicies }: Destination, number: number): string =>
  (portPolicies.find(({ port }) => port === number) ?? policy).tls.mode;

/** Gateways take it where a server of theirs says so. */
const takesNone = ({ gateways }: Scene, set: EndpointSet | undefined): boolean =>
  set !== undefined &&
  set.endpoints.length > 0 &&
  set.endpoints.every(
    ({ tls, labels }) =>
      tls === 'disabled' && ![...gateways.values()].some(({ spec }) => isSelected(spec.selector, labels)),
  );
