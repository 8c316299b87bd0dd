// Traffic policies: load balancing, connection pools, ejection and TLS towards a host or one of its ports.
import { andThen, type Decoder, list } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { port } from '../../values/numbers.ts';
import { clientTls } from './client-tls.ts';
import { connectionPool } from './connection-pool.ts';
import { loadBalancer } from './load-balancer.ts';
import { outlierDetection } from './outlier-detection.ts';
import type { PortTrafficPolicy, TrafficPolicySpec } from './spec.ts';
import { proxyProtocol, retryBudget, tunnel } from './transport.ts';

const policyShape = {
  loadBalancer: optional(loadBalancer),
  connectionPool: optional(connectionPool),
  outlierDetection: optional(outlierDetection),
  tls: optional(clientTls),
};

const normalize = (value: Decoded<typeof policyShape>): PortTrafficPolicy => ({
  ...(value.loadBalancer === undefined ? {} : { loadBalancer: value.loadBalancer }),
  ...(value.connectionPool === undefined ? {} : { connectionPool: value.connectionPool }),
  ...(value.outlierDetection === undefined ? {} : { outlierDetection: value.outlierDetection }),
  ...(value.tls === undefined ? {} : { tls: value.tls }),
});

const portPolicy = andThen(
  object({ ...policyShape, port: required(object({ number: required(port) })) }),
  ({ port: written, ...value }) => ({ ...normalize(value), port: written.number }),
);

type PortPolicies = TrafficPolicySpec['portLevelSettings'];

function checkPorts(policies: PortPolicies, walk: Walk): PortPolicies | undefined {
  const seen = new Set<number>();
  for (const [index, { port: number }] of policies.entries()) {
    if (seen.has(number)) {
      const message = `port ${number} has settings twice`;
      return refuse(walk, { code: 'duplicate', message, remedy: 'merge them' }, index);
    }
    seen.add(number);
  }
  return policies;
}

const wholeShape = {
  ...policyShape,
  proxyProtocol: optional(proxyProtocol),
  tunnel: optional(tunnel),
  retryBudget: optional(retryBudget),
  portLevelSettings: withDefault<PortPolicies>(andThen(list(portPolicy, { most: 4_096 }), checkPorts), []),
};

export const trafficPolicy: Decoder<TrafficPolicySpec> = andThen(object(wholeShape), (value) => ({
  ...normalize(value),
  ...(value.proxyProtocol === undefined ? {} : { proxyProtocol: value.proxyProtocol }),
  ...(value.tunnel === undefined ? {} : { tunnel: value.tunnel }),
  ...(value.retryBudget === undefined ? {} : { retryBudget: value.retryBudget }),
  portLevelSettings: value.portLevelSettings,
}));
