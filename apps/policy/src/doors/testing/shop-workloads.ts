// Two workloads, and who knows them.
import type { KnownWorkload, WorkloadDirectory } from '../workload-directory.ts';

export const cart: KnownWorkload = {
  uid: 'kubernetes://cart-1.shop',
  name: 'cart-1',
  namespace: 'shop',
  serviceAccount: 'cart',
  labels: { app: 'cart' },
  ips: ['127.0.1.1'],
  services: [
    { host: 'cart.shop.svc.cluster.local', name: 'cart', namespace: 'shop', targetPorts: [8080] },
    { host: 'metrics.shop.svc.cluster.local', name: 'metrics', namespace: 'shop', targetPorts: [9090] },
  ],
  workloadName: 'cart',
  owner: 'kubernetes://apis/apps/v1/namespaces/shop/deployments/cart',
};

export const web: KnownWorkload = {
  uid: 'kubernetes://web-1.front',
  name: 'web-1',
  namespace: 'front',
  serviceAccount: 'web',
  labels: { app: 'web' },
  ips: ['127.0.1.2'],
  services: [],
};

const all = [cart, web];

export const shopWorkloads: WorkloadDirectory = {
  byName: (namespace, name) => all.find((each) => each.namespace === namespace && each.name === name),
  byAccount: (namespace, account) =>
    all.filter((each) => each.namespace === namespace && each.serviceAccount === account),
  byAddress: (ip) => all.find(({ ips }) => ips.includes(ip)),
};
