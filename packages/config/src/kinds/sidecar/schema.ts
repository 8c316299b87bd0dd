// Sidecar: narrows what a workload's proxy accepts and which hosts it can reach.
import { andThen, type Decoder, list, oneOf } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { emptyMap } from '../../values/plain-map.ts';
import type { TextMap } from '../../values/shapes.ts';
import { labels } from '../../values/text-map.ts';
import { defineKind, istioNetworking, manifestOf } from '../define.ts';
import { connectionPool } from '../destination-rule/connection-pool.ts';
import type { CaptureMode, SidecarEgressListener, SidecarIngressListener, SidecarSpec } from './spec.ts';
import { applicationEndpoint, bindAddress, hostImport, sidecarPort } from './values.ts';

const captureMode: Decoder<CaptureMode> = oneOf('DEFAULT', 'IPTABLES', 'NONE');

const egressShape = {
  port: optional(sidecarPort(1)),
  bind: optional(bindAddress),
  captureMode: withDefault<CaptureMode>(captureMode, 'DEFAULT'),
  hosts: required(list(hostImport, { least: 1, most: 10_000 })),
};

function checkEgress(value: Decoded<typeof egressShape>, walk: Walk): SidecarEgressListener | undefined {
  const { port, bind, captureMode: mode, hosts } = value;
  if (port === undefined && bind !== undefined) {
    const message = 'an address to listen on needs a port';
    return refuse(walk, { code: 'missing-field', message, remedy: 'add port, or remove bind' }, 'bind');
  }
  if (mode === 'IPTABLES' && bind !== undefined) {
    const message = 'redirected traffic comes to no address of its own';
    const remedy = 'remove bind, or write captureMode: NONE';
    return refuse(walk, { code: 'conflicting-fields', message, remedy }, 'bind');
  }
  if (mode === 'NONE' && bind === undefined) {
    const message = 'where nothing is redirected a listener needs an address and a port';
    return refuse(walk, { code: 'missing-field', message, remedy: 'add bind: 127.0.0.1 and a port' });
  }
  if (bind !== undefined && port !== undefined && !dialable.includes(port.protocol)) {
    const message = `a listener that clients dial speaks HTTP here, not ${port.protocol}`;
    const remedy = 'let the traffic be redirected, or dial the HTTP proxy with CONNECT';
    return refuse(walk, { code: 'not-yet-supported', message, remedy }, 'port');
  }
  return {
    ...(port === undefined ? {} : { port }),
    ...(bind === undefined ? {} : { bind }),
    captureMode: mode,
    imports: hosts.filter(({ namespace }) => namespace !== '~'),
  };
}

const dialable: readonly string[] = ['http', 'http2', 'grpc', 'grpc-web'];

const placeOf = ({ port, bind = '' }: SidecarEgressListener): string => `${bind}:${port?.number ?? ''}`;

/** Each place once; of those without a port only one, which takes what the others leave. */
function checkPlaces<T>(placed: (listener: T) => string) {
  return (listeners: readonly T[], walk: Walk): readonly T[] | undefined => {
    const seen = new Set<string>();
    for (const [index, listener] of listeners.entries()) {
      const place = placed(listener);
      if (seen.has(place)) {
        const message =
          place === ':' ? 'two listeners have no port' : 'another listener has the same address and port';
        const remedy = 'write the hosts of both into one listener';
        return refuse(walk, { code: 'duplicate', message, remedy }, index);
      }
      seen.add(place);
    }
    return listeners;
  };
}

const ingressShape = {
  port: required(sidecarPort(1)),
  bind: optional(bindAddress),
  captureMode: withDefault<CaptureMode>(captureMode, 'DEFAULT'),
  defaultEndpoint: optional(applicationEndpoint),
  connectionPool: optional(connectionPool),
};

function checkIngress(value: Decoded<typeof ingressShape>, walk: Walk): SidecarIngressListener | undefined {
  const { port, bind, captureMode: mode, defaultEndpoint, connectionPool: pool } = value;
  const own = bind === undefined || bind === '0.0.0.0' || bind === '::';
  if (!own) {
    const message = 'connections to a workload come to its own address';
    return refuse(walk, { code: 'not-possible-with-envoy', message, remedy: 'remove bind' }, 'bind');
  }
  if (mode === 'NONE' && defaultEndpoint?.kind === 'own-address' && defaultEndpoint.port === port.number) {
    const message = 'the proxy and the application cannot both listen on this port of one address';
    const remedy = 'name 127.0.0.1:PORT, or another port';
    return refuse(walk, { code: 'conflicting-fields', message, remedy }, 'defaultEndpoint');
  }
  return {
    port,
    ...(defaultEndpoint === undefined ? {} : { endpoint: defaultEndpoint }),
    ...(pool === undefined ? {} : { connectionPool: pool }),
  };
}

const shape = {
  workloadSelector: optional(
    andThen(object({ labels: withDefault<TextMap>(labels, emptyMap) }), (value) => value.labels),
  ),
  ingress: optional(
    andThen(
      list(andThen(object(ingressShape, { later: ['tls'] }), checkIngress), { least: 1, most: 1_000 }),
      checkPlaces<SidecarIngressListener>(({ port }) => String(port.number)),
    ),
  ),
  egress: optional(
    andThen(
      list(andThen(object(egressShape), checkEgress), { least: 1, most: 1_000 }),
      checkPlaces<SidecarEgressListener>(placeOf),
    ),
  ),
  inboundConnectionPool: optional(connectionPool),
  outboundTrafficPolicy: optional(
    object(
      { mode: withDefault(oneOf('REGISTRY_ONLY', 'ALLOW_ANY'), 'REGISTRY_ONLY') },
      { later: ['egressProxy'] },
    ),
  ),
};

function check(value: Decoded<typeof shape>, walk: Walk): SidecarSpec | undefined {
  const { workloadSelector, ingress, egress, inboundConnectionPool, outboundTrafficPolicy } = value;
  const says = [ingress, egress, inboundConnectionPool, outboundTrafficPolicy];
  if (says.every((part) => part === undefined)) {
    const message = 'a Sidecar that says nothing changes nothing';
    const remedy = 'add egress, ingress, inboundConnectionPool or outboundTrafficPolicy, or delete it';
    return refuse(walk, { code: 'missing-field', message, remedy });
  }
  const isSelecting = workloadSelector !== undefined && Object.keys(workloadSelector).length > 0;
  return {
    ...(isSelecting ? { selector: workloadSelector } : {}),
    ...(ingress === undefined ? {} : { ingress }),
    ...(egress === undefined ? {} : { egress }),
    ...(inboundConnectionPool === undefined ? {} : { connectionPool: inboundConnectionPool }),
    ...(outboundTrafficPolicy === undefined ? {} : { outboundMode: outboundTrafficPolicy.mode }),
  };
}

export const sidecarKind = defineKind({
  ...istioNetworking,
  kind: 'Sidecar',
  plural: 'sidecars',
  shortNames: [],
  body: andThen(
    manifestOf({ spec: required(andThen(object(shape), check)) }, { ignored: ['status'] }),
    (value) => value.spec,
  ),
});
