// VirtualService: how requests to its hosts are routed.
import { andThen, list } from '../../decode/decoder.ts';
import { object, required, withDefault } from '../../decode/object.ts';
import { exportTo, exportToAll } from '../../values/export-to.ts';
import { hostName } from '../../values/host.ts';
import type { ExportTo } from '../../values/shapes.ts';
import { defineKind, istioNetworking, manifestOf } from '../define.ts';
import { tcpRoute, tlsRoute } from './connection-route.ts';
import { gatewayReference } from './match.ts';
import { httpRoute } from './route.ts';
import type { HttpRouteSpec, TcpRouteSpec, TlsRouteSpec } from './spec.ts';
import { checkVirtualService } from './validate.ts';

const mesh: readonly string[] = Object.freeze(['mesh']);

const host = hostName({ wildcard: true, any: true, ip: true });

const spec = andThen(
  object({
    hosts: required(list(host, { least: 1, most: 10_000 })),
    gateways: withDefault<readonly string[]>(
      andThen(list(gatewayReference, { most: 1_000 }), (names) => (names.length === 0 ? mesh : names)),
      mesh,
    ),
    exportTo: withDefault<ExportTo>(exportTo, exportToAll),
    http: withDefault<readonly HttpRouteSpec[]>(list(httpRoute, { most: 10_000 }), []),
    tls: withDefault<readonly TlsRouteSpec[]>(list(tlsRoute, { most: 10_000 }), []),
    tcp: withDefault<readonly TcpRouteSpec[]>(list(tcpRoute, { most: 10_000 }), []),
  }),
  checkVirtualService,
);

export const virtualServiceKind = defineKind({
  ...istioNetworking,
  kind: 'VirtualService',
  plural: 'virtualservices',
  shortNames: ['vs'],
  body: andThen(manifestOf({ spec: required(spec) }, { ignored: ['status'] }), (value) => value.spec),
});
