// The objects by which the control plane knows a workload of the benchmark: its instance, and the service in front of it.

export interface WorkloadManifest {
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
  readonly serviceAccount: string;
  readonly host: string;
  /** Of the service and of the instance. */
  readonly port: number;
}

/** Peers use mutual TLS with it. */
export function workloadDocuments(workload: WorkloadManifest): string {
  const { name, namespace, port } = workload;
  return [
    'apiVersion: networking.istio.io/v1',
    'kind: WorkloadEntry',
    'metadata:',
    `  name: ${name}`,
    `  namespace: ${namespace}`,
    'spec:',
    `  address: ${workload.address}`,
    `  serviceAccount: ${workload.serviceAccount}`,
    '  labels:',
    `    app: ${name}`,
    '    security.istio.io/tlsMode: istio',
    '  ports:',
    `    http: ${port}`,
    '---',
    'apiVersion: networking.istio.io/v1',
    'kind: ServiceEntry',
    'metadata:',
    `  name: ${name}`,
    `  namespace: ${namespace}`,
    'spec:',
    '  hosts:',
    `  - ${workload.host}`,
    '  location: MESH_INTERNAL',
    '  resolution: STATIC',
    '  ports:',
    `  - number: ${port}`,
    '    name: http',
    '    protocol: HTTP',
    '  workloadSelector:',
    '    labels:',
    `      app: ${name}`,
    '',
  ].join('\n');
}
