// Connected proxies for tests: an on-demand sidecar, and what a test says otherwise.
import type { ProxyNode } from '@xebec/model';

export function proxyOf(options: Partial<ProxyNode> = {}): ProxyNode {
  return {
    id: 'sidecar~10.244.0.2~productpage-v1-0.default~default.svc.cluster.local',
    role: 'sidecar',
    namespace: 'default',
    name: 'productpage-v1-0',
    serviceAccount: 'bookinfo-productpage',
    address: '10.244.0.2',
    labels: { app: 'productpage' },
    capture: 'transparent',
    applicationAddress: '10.244.0.2',
    discovery: 'on-demand',
    workloadName: 'productpage-v1',
    network: '',
    gatewayPorts: {},
    ...options,
  };
}
