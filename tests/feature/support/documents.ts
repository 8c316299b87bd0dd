// The YAML that people write most often, in a word or two.
export const service = (
  name: string,
  ports = '{ name: http, port: 9080 }',
  namespace = 'default',
): string => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { clusterIP: 10.96.${name.length}.${name.charCodeAt(0)}, selector: { app: ${name} }, ports: [${ports}] }
`;

export const subsets = (host: string, ...names: readonly string[]): string => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${host} }
spec: { host: ${host}, subsets: [${names.map((name) => `{ name: ${name}, labels: { version: ${name} } }`).join()}] }
`;

/** Shares of subsets: \`route('reviews', { v1: 90, v2: 10 })\`. */
export const route = (host: string, shares: Readonly<Record<string, number>>): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${host} }
spec:
  hosts: [${host}]
  http:
    - route:
${Object.entries(shares)
  .map(
    ([subset, weight]) =>
      `        - { destination: { host: ${host}, subset: ${subset} }, weight: ${weight} }`,
  )
  .join('\n')}
`;

/** A ready Pod with a sidecar. */
export const pod = (app: string, version: string, ip: string, name = `${app}-${version}`) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', labels: { app, version } },
  spec: {
    serviceAccountName: app,
    containers: [{ name: 'app', image: app, ports: [{ containerPort: 9080 }] }],
  },
  status: { phase: 'Running', podIP: ip, conditions: [{ type: 'Ready', status: 'True' }] },
});

export const documents = (...texts: readonly string[]): string => texts.join('---\n');
