// AUTO_PASSTHROUGH: clients of the mesh name the destination by their server name. No other name reaches anything.
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { StringValueSchema } from '@bufbuild/protobuf/wkt';
import { type Authorization, type GatewayServer, isDecisive, type ProxyNode } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import type { Filter } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import type { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import { SniClusterSchema } from '@xebec/protos/envoy/extensions/filters/network/sni_cluster/v3/sni_cluster_pb';
import {
  ApplicationProtocolInputSchema,
  ServerNameInputSchema,
} from '@xebec/protos/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb';
import { TypedExtensionConfigSchema } from '@xebec/protos/xds/core/v3/extension_pb';
import { connectionAuditLogs } from '../audit/audit-logs.ts';
import { networkAuthorization } from '../authorization/filters.ts';
import type { ProxySettings } from '../inputs.ts';
import { blackHoleCluster } from '../names.ts';
import type { Fields } from '../resource.ts';
import { encodeAccessLog } from '../telemetry/access-log.ts';
import { encodeTcpMetrics } from '../telemetry/standard-metrics.ts';
import { trustDomainsOf } from '../trust-domains.ts';
import { networkFilter } from './addresses.ts';
import { tcpProxy } from './tcp-proxy.ts';

export const namedByClientChain = 'named-by-client';

interface NamedByClient {
  readonly settings: ProxySettings;
  readonly authorization: Authorization;
  readonly proxy: Pick<ProxyNode, 'keepsAudit'>;
}

/**
 * The server name is the cluster; TLS goes on as it is, so that the destination sees the client's own identity. Its first
 * bytes are there already, so policies about names and addresses decide at once.
 */
export const namedByClientFilters = ({ settings, authorization, proxy }: NamedByClient): Filter[] => [
  ...networkAuthorization(authorization, trustDomainsOf(settings)),
  networkFilter('envoy.filters.network.sni_cluster', anyOf(SniClusterSchema, {})),
  tcpProxy({
    statPrefix: namedByClientChain,
    cluster: blackHoleCluster,
    accessLog: encodeAccessLog(settings.accessLog),
    metrics: [
      ...encodeTcpMetrics({ reporter: 'source', security: 'unknown' }),
      ...connectionAuditLogs(authorization, proxy),
    ],
    ...(authorization.some(isDecisive) ? { decided: 'first-byte' } : {}),
  }),
];

/**
 * Part of a listener with such a server. The matcher stands before the cluster is chosen: a name that is not of the
 * form is closed, since other clusters of the proxy (its agent's among them) have names too.
 */
export function namedByClientMatcher(servers: readonly GatewayServer[]): Fields<typeof ListenerSchema> {
  const hosts = servers.flatMap(({ traffic }) => (traffic.kind === 'named-by-client' ? traffic.hosts : []));
  if (hosts.length === 0) return {};
  const name = typed('chain', anyOf(StringValueSchema, { value: namedByClientChain }));
  return {
    filterChainMatcher: {
      matcherType: {
        case: 'matcherList',
        value: {
          matchers: [
            {
              predicate: { matchType: { case: 'andMatcher', value: { predicate: predicates(hosts) } } },
              onMatch: { onMatch: { case: 'action', value: name } },
            },
          ],
        },
      },
    },
  };
}

const typed = (name: string, typedConfig: Any) => create(TypedExtensionConfigSchema, { name, typedConfig });

const predicates = (hosts: readonly string[]) => [
  single(typed('server-name', anyOf(ServerNameInputSchema, {})), serverNames(hosts)),
  single(typed('protocol', anyOf(ApplicationProtocolInputSchema, {})), meshProtocol),
];

/** `'istio','h2'`: sidecars offer a protocol of the mesh, so that whatever answers is one. */
const meshProtocol = "^(.*,)?'istio(-[^']*)?'(,.*)?$";

const single = (input: ReturnType<typeof typed>, regex: string) => ({
  matchType: {
    case: 'singlePredicate' as const,
    value: {
      input,
      matcher: {
        case: 'valueMatch' as const,
        value: {
          matchPattern: {
            case: 'safeRegex' as const,
            value: { engineType: { case: 'googleRe2' as const, value: {} }, regex },
          },
        },
      },
    },
  },
});

/** `outbound_.PORT_.SUBSET_.HOST`, RE2, with one of these hosts. */
const serverNames = (hosts: readonly string[]): string =>
  `^outbound_\\.[0-9]{1,5}_\\.[a-z0-9.-]*_\\.(${hosts.map(hostPattern).join('|')})$`;

const label = '[a-z0-9_-]+';
function hostPattern(host: string): string {
  if (host === '*') return `${label}(\\.${label})*`;
  const escaped = host.replace(/^\*\./, '').replaceAll('.', '\\.');
  return host.startsWith('*.') ? `(${label}\\.)+${escaped}` : escaped;
}
