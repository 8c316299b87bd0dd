// Policy services as a service of the mesh: a ServiceEntry, so that proxies reach them like any other workload. Rule: it outlives the last of them for a while, so that a restart replaces no listener of a proxy and each rule fails as it says meanwhile.
import type { ObjectKey } from '@xebec/model';
import type { Diagnostic } from '@xebec/std';
import type { Store } from '@xebec/store';
import { policyAccount } from './policy-services.ts';

export interface PolicyEntryOptions {
  readonly store: Store;
  readonly rootNamespace: () => string;
  readonly clusterDomain: () => string;
  readonly onProblem: (problem: Diagnostic) => void;
  /** How long the service stays when the last of them is gone, milliseconds; 60,000 by default. */
  readonly lingerMs?: number;
}

export interface PolicyEntry extends Disposable {
  /** Where policy services are; none: the service goes, unless one is back soon. */
  place(addresses: readonly string[]): void;
}

const defaultLingerMs = 60_000;

const grpcPort = { number: 15_004, name: 'grpc-policy', protocol: 'GRPC' };
/** JSON, at the same port of a policy service: what is spoken is agreed on in TLS. */
const httpPort = { number: 9_091, name: 'http-policy', protocol: 'HTTP' };

export function createPolicyEntry(options: PolicyEntryOptions): PolicyEntry {
  const { lingerMs = defaultLingerMs } = options;
  let written = '';
  let leaving: NodeJS.Timeout | undefined;
  const put = (addresses: readonly string[]): void => {
    const text = addresses.join();
    if (text === written) return;
    written = text;
    // Streams open and end while the graph may be at work.
    queueMicrotask(() => {
      if (written === text) write(addresses, options);
    });
  };
  const stay = (): void => {
    clearTimeout(leaving);
    leaving = undefined;
  };
  return {
    place(addresses) {
      if (addresses.length > 0) {
        stay();
        put(addresses);
      } else if (written !== '') leaving ??= setTimeout(() => put([]), lingerMs).unref();
    },
    [Symbol.dispose]: stay,
  };
}

function write(addresses: readonly string[], options: PolicyEntryOptions): void {
  const { store, onProblem } = options;
  const namespace = options.rootNamespace();
  const key: ObjectKey = `ServiceEntry/${namespace}/${policyAccount}`;
  const endpoints = addresses.flatMap(endpointOf);
  if (endpoints.length === 0) {
    store.deleteRuntime(key);
    return;
  }
  const result = store.putRuntime({
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: policyAccount, namespace },
    spec: {
      // Programs say the short one, too.
      hosts: [
        `${policyAccount}.${namespace}.svc.${options.clusterDomain()}`,
        `${policyAccount}.${namespace}`,
      ],
      location: 'MESH_INTERNAL',
      resolution: 'STATIC',
      // Whatever the mesh's default is: proxies of all namespaces ask.
      exportTo: ['*'],
      ports: [grpcPort, httpPort],
      endpoints,
    },
  });
  if (!result.ok) for (const problem of result.diagnostics) onProblem(problem);
}

function endpointOf(address: string): readonly object[] {
  const [, host, port] = /^\[?([^\]]+)\]?:(\d{1,5})$/.exec(address) ?? [];
  if (host === undefined || port === undefined) return [];
  return [
    {
      address: host,
      ports: { [grpcPort.name]: Number(port), [httpPort.name]: Number(port) },
      serviceAccount: policyAccount,
      labels: { 'security.istio.io/tlsMode': 'istio' },
    },
  ];
}
