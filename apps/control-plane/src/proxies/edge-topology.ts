// Who stands before a gateway, from `PROXY_CONFIG.gatewayTopology` of its node. What is not understood is not believed.
import type { EdgeTopology } from '@xebec/model';

const forwarding: readonly EdgeTopology['forwardClientCert'][] = [
  'SANITIZE',
  'FORWARD_ONLY',
  'APPEND_FORWARD',
  'SANITIZE_SET',
  'ALWAYS_FORWARD_ONLY',
];

const mostProxies = 100;

/** Undefined when the node says nothing of it. */
export function edgeTopologyOf(proxyConfig: unknown): EdgeTopology | undefined {
  const topology = fieldOf(proxyConfig, 'gatewayTopology');
  if (topology === undefined) return undefined;
  const trusted = fieldOf(topology, 'numTrustedProxies');
  const written = fieldOf(topology, 'forwardClientCertDetails');
  const isCount = typeof trusted === 'number' && Number.isInteger(trusted) && trusted >= 0;
  return {
    trustedProxies: isCount ? Math.min(trusted, mostProxies) : 0,
    forwardClientCert: forwarding.find((word) => word === written) ?? 'SANITIZE_SET',
    isProxyProtocol: fieldOf(topology, 'proxyProtocol') !== undefined,
  };
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}
