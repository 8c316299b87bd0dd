// The YAML of one service of the generated mesh, from its present state.
import { hostOf, isRouted, namespaceOf, shortNameOf } from './naming.ts';

export interface ServiceState {
  readonly service: number;
  readonly addresses: readonly string[];
  /** Share of subset v2; 10 at first. */
  readonly weight: number;
  /** Port of the endpoints; 80 unless real servers stand behind. */
  readonly targetPort?: number;
}

const versionOf = (position: number): string => (position < 3 ? 'v1' : 'v2');

function serviceEntry({ service, addresses, targetPort }: ServiceState): string {
  const endpoints = addresses.flatMap((address, position) => [
    `  - address: ${address}`,
    ...(targetPort === undefined ? [] : ['    ports:', `      http: ${targetPort}`]),
    '    labels:',
    `      app: ${shortNameOf(service)}`,
    `      version: ${versionOf(position)}`,
  ]);
  return [
    'apiVersion: networking.istio.io/v1',
    'kind: ServiceEntry',
    'metadata:',
    `  name: ${shortNameOf(service)}`,
    `  namespace: ${namespaceOf(service)}`,
    'spec:',
    '  hosts:',
    `  - ${hostOf(service)}`,
    '  location: MESH_INTERNAL',
    '  resolution: STATIC',
    '  ports:',
    '  - number: 80',
    '    name: http',
    '    protocol: HTTP',
    '  endpoints:',
    ...endpoints,
  ].join('\n');
}

function virtualService({ service, weight }: ServiceState): string {
  const destination = (subset: string, share: number): string[] => [
    '    - destination:',
    `        host: ${hostOf(service)}`,
    `        subset: ${subset}`,
    `      weight: ${share}`,
  ];
  return [
    'apiVersion: networking.istio.io/v1',
    'kind: VirtualService',
    'metadata:',
    `  name: ${shortNameOf(service)}`,
    `  namespace: ${namespaceOf(service)}`,
    'spec:',
    '  hosts:',
    `  - ${hostOf(service)}`,
    '  http:',
    '  - route:',
    ...destination('v1', 100 - weight),
    ...destination('v2', weight),
  ].join('\n');
}

function destinationRule({ service }: ServiceState): string {
  return [
    'apiVersion: networking.istio.io/v1',
    'kind: DestinationRule',
    'metadata:',
    `  name: ${shortNameOf(service)}`,
    `  namespace: ${namespaceOf(service)}`,
    'spec:',
    `  host: ${hostOf(service)}`,
    '  subsets:',
    ...['v1', 'v2'].flatMap((name) => [`  - name: ${name}`, '    labels:', `      version: ${name}`]),
  ].join('\n');
}

/** The documents of one service. */
export function documentsOf(state: ServiceState): string {
  const documents = [serviceEntry(state)];
  if (isRouted(state.service)) documents.push(virtualService(state), destinationRule(state));
  return documents.join('\n---\n');
}

/** The mesh-wide default, which the benchmark turns over. */
export const meshPolicy = (mode: 'PERMISSIVE' | 'STRICT'): string =>
  [
    'apiVersion: security.istio.io/v1',
    'kind: PeerAuthentication',
    'metadata:',
    '  name: default',
    '  namespace: istio-system',
    'spec:',
    '  mtls:',
    `    mode: ${mode}`,
  ].join('\n');
