// Endpoints of one cluster: those whose labels match the subset, grouped by locality.
import type { MessageInitShape } from '@bufbuild/protobuf';

import type { Cause, Endpoint, EndpointSet } from '@xebec/model';
import { SocketAddress_Protocol } from '@xebec/protos/envoy/config/core/v3/address_pb';

import { HealthStatus } from '@xebec/protos/envoy/config/core/v3/health_check_pb';
import type { LbEndpointSchema } from '@xebec/protos/envoy/config/endpoint/v3/endpoint_components_pb';
import { ClusterLoadAssignmentSchema } from '@xebec/protos/envoy/config/endpoint/v3/endpoint_pb';
import { type EncodedResource, encodeResource, type Fields } from '../resource.ts';
import { type Arrangement, arrangeEndpoints, type EndpointGroup } from './arrange.ts';

type Labels = Readonly<Record<string, string>>;

export interface AssignmentOptions {
  readonly name: string;
  readonly labels: Labels;
  readonly set: EndpointSet;
  /** For clients in one place; absent: for everybody else. */
  readonly arrangement?: Arrangement;
}

export function encodeEndpoints(options: AssignmentOptions): EncodedResource {
  const { name, labels, set, arrangement } = options;
  const selected = set.endpoints.filter((endpoint) => matches(labels, endpoint));
  const groups = arrangeEndpoints(selected, arrangement);
  return encodeResource(ClusterLoadAssignmentSchema, assignmentOf(name, groups), {
    name,
    causes: causesOf(selected, groups, arrangement?.reach !== undefined),
  });
}

/** Gateways have causes of their own, beside those of what they stand for. */
function causesOf(
  selected: readonly Endpoint[],
  groups: readonly EndpointGroup[],
  mayBeGateways: boolean,
): readonly Cause[] {
  const own = selected.flatMap(({ causes }) => causes);
  if (!mayBeGateways) return own;
  const known = new Set(own);
  const others = groups.flatMap(({ members }) => members.flatMap(({ causes }) => causes));
  return [...own, ...others.filter((cause) => !known.has(cause))];
}

/** The assignment as a message, for clusters that carry their endpoints themselves. */
export function encodeAssignment(
  clusterName: string,
  endpoints: readonly Endpoint[],
  options: { readonly labels: Labels; readonly arrangement?: Arrangement },
): Fields<typeof ClusterLoadAssignmentSchema> {
  const selected = endpoints.filter((endpoint) => matches(options.labels, endpoint));
  return assignmentOf(clusterName, arrangeEndpoints(selected, options.arrangement));
}

const assignmentOf = (
  clusterName: string,
  groups: readonly EndpointGroup[],
): Fields<typeof ClusterLoadAssignmentSchema> => ({
  clusterName,
  endpoints: groups.map(({ locality, priority, weight, members }) => ({
    // Clients other than Envoy refuse an assignment without a locality.
    locality:
      locality === undefined
        ? {}
        : { region: locality.region, zone: locality.zone, subZone: locality.subzone },
    ...(priority === 0 ? {} : { priority }),
    loadBalancingWeight: weight,
    lbEndpoints: members.map(encodeEndpoint),
  })),
});

function matches(labels: Labels, endpoint: Endpoint): boolean {
  for (const name of Object.keys(labels)) if (endpoint.labels[name] !== labels[name]) return false;
  return true;
}

const healthStatuses = {
  healthy: HealthStatus.UNKNOWN,
  unhealthy: HealthStatus.UNHEALTHY,
  draining: HealthStatus.DRAINING,
} as const;

function encodeEndpoint(endpoint: Endpoint): MessageInitShape<typeof LbEndpointSchema> {
  return {
    hostIdentifier: { case: 'endpoint', value: { address: addressOf(endpoint) } },
    healthStatus: healthStatuses[endpoint.health],
    loadBalancingWeight: endpoint.weight,
    metadata: {
      filterMetadata: {
        istio: workloadMetadata(endpoint),
        ...choosable(endpoint),
        ...(endpoint.tls === 'istio' ? { 'envoy.transport_socket_match': { tlsMode: 'istio' } } : {}),
      },
    },
  };
}

/** Clients of a headless service choose an endpoint themselves: what they may choose it by. */
const choosable = ({ address, hostname }: Endpoint) =>
  hostname === undefined ? {} : { 'envoy.lb': { address, hostname, dashed: address.replaceAll('.', '-') } };

function addressOf({ address, port, isDatagram }: Endpoint) {
  return address.startsWith('/')
    ? { address: { case: 'pipe' as const, value: { path: address } } }
    : {
        address: {
          case: 'socketAddress' as const,
          value: {
            address,
            portSpecifier: { case: 'portValue' as const, value: port },
            ...(isDatagram ? { protocol: SocketAddress_Protocol.UDP } : {}),
          },
        },
      };
}

/** What metrics and logs of the client's side say about the server. */
function workloadMetadata(endpoint: Endpoint): Record<string, string> {
  const { labels } = endpoint;
  return {
    workload: endpoint.workload,
    namespace: endpoint.namespace,
    app: labels['app'] ?? labels['app.kubernetes.io/name'] ?? 'unknown',
    version: labels['version'] ?? labels['app.kubernetes.io/version'] ?? 'unknown',
    canonical_service: labels['service.istio.io/canonical-name'] ?? labels['app'] ?? endpoint.workload,
    canonical_revision: labels['service.istio.io/canonical-revision'] ?? labels['version'] ?? 'latest',
  };
}
