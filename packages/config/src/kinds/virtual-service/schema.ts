// VirtualService: how requests to its hosts are routed.
import { andThen, list } from '../../decode/decoder.ts';
import { object, optional, required, withDefault } from '../../decode/object.ts';
import { exportTo, exportToDefault } from '../../values/export-to.ts';
import { hostName } from '../../values/host.ts';
import type { ExportTo } from '../../values/shapes.ts';
import { defineKind, istioNetworking, manifestOf } from '../define.ts';
import { tcpRoute, tlsRoute } from './connection-route.ts';
import { gatewayReference } from './match.ts';
import { httpRoute } from './route.ts';
import type { HttpRouteSpec, TcpRouteSpec, TlsRouteSpec, VirtualServiceSpec } from './spec.ts';
import { checkFaultPlacement, checkVirtualService } from './validate.ts';

const mesh: readonly string[] = Object.freeze(['mesh']);

const host = hostName({ wildcard: true, any: true, ip: true });

const spec = andThen(
  object({
    hosts: withDefault<readonly string[]>(list(host, { most: 10_000 }), []),
    gateways: optional<readonly string[]>(list(gatewayReference, { most: 1_000 })),
    exportTo: withDefault<ExportTo>(exportTo, exportToDefault),
    http: withDefault<readonly HttpRouteSpec[]>(list(httpRoute, { most: 10_000 }), []),
    tls: withDefault<readonly TlsRouteSpec[]>(list(tlsRoute, { most: 10_000 }), []),
    tcp: withDefault<readonly TcpRouteSpec[]>(list(tcpRoute, { most: 10_000 }), []),
  }),
  ({ hosts, gateways = [], ...written }, walk): VirtualServiceSpec | undefined => {
    const bound = hosts.length === 0 || gateways.length > 0 ? gateways : mesh;
    return checkVirtualService({ hosts, gateways: bound, ...written }, walk);
  },
);

export const virtualServiceKind = defineKind({
  ...istioNetworking,
  kind: 'VirtualService',
  plural: 'virtualservices',
  shortNames: ['vs'],
  body: andThen(manifestOf({ spec: required(spec) }, { ignored: ['status'] }), (value, walk) =>
    checkFaultPlacement(walk) ? value.spec : undefined,
  ),
});
