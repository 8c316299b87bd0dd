// Valid configuration objects for tests: a few words each, the rest is what config's defaults would be.
import type {
  AuthorizationPolicySpec,
  DestinationRuleSpec,
  GatewayServerSpec,
  GatewayTls,
  HttpRouteSpec,
  JwtRule,
  KindMap,
  KindName,
  ObjectOf,
  PeerAuthenticationSpec,
  PodSpec,
  Protocol,
  RequestAuthenticationSpec,
  ServiceEntrySpec,
  ServicePortSpec,
  ServiceSpec,
  VirtualServiceSpec,
  WorkloadEntrySpec,
} from '@xebec/config';
import type { ObjectKey, ProxyNode } from '@xebec/model';

type Text = Readonly<Record<string, string>>;

interface Options {
  readonly labels?: Text;
  readonly annotations?: Text;
}

/** `NAMESPACE/NAME`. */
type Id = `${string}/${string}`;

/** An object of any kind; `id` is `NAMESPACE/NAME`. */
export function object<K extends KindName>(
  kind: K,
  id: Id,
  spec: KindMap[K],
  options: Options = {},
): ObjectOf<K> {
  const [namespace = '', name = ''] = id.split('/');
  const { labels = {}, annotations = {} } = options;
  return { kind, apiVersion: 'v1', metadata: { name, namespace, labels, annotations }, spec, manifest: {} };
}

export const keyOf = ({ kind, metadata }: ObjectOf<KindName>): ObjectKey =>
  `${kind}/${metadata.namespace}/${metadata.name}`;

export const servicePort = (
  port: number,
  protocol: Protocol,
  options: Partial<ServicePortSpec> = {},
): ServicePortSpec => ({
  name: protocol,
  port,
  transport: 'TCP',
  protocol,
  targetPort: port,
  ...options,
});

export function service(id: Id, spec: Partial<ServiceSpec> = {}): ObjectOf<'Service'> {
  return object('Service', id, {
    type: 'ClusterIP',
    selector: { app: id.split('/')[1] ?? '' },
    ports: [servicePort(9080, 'http')],
    clusterIPs: ['10.0.0.1'],
    isHeadless: false,
    publishNotReadyAddresses: false,
    exportTo: ['*'],
    ...spec,
  });
}

interface PodOptions extends Options {
  readonly ip?: string;
  readonly isReady?: boolean;
  readonly isTerminating?: boolean;
  readonly ports?: readonly { readonly name: string; readonly port: number }[];
  readonly spec?: Partial<PodSpec>;
}

export function pod(id: Id, labels: Text, options: PodOptions = {}): ObjectOf<'Pod'> {
  const { ip = '127.0.1.1', isReady = true, isTerminating = false, ports = [] } = options;
  const container: PodSpec['containers'][number] = {
    name: 'app',
    image: 'app',
    command: [],
    args: [],
    env: [],
    ports: ports.map((port) => ({ ...port, transport: 'TCP' })),
  };
  const spec: PodSpec = {
    serviceAccountName: 'default',
    containers: [container],
    initContainers: [],
    restartPolicy: 'Always',
    terminationGracePeriodMs: 0,
    hostNetwork: false,
    nodeName: '',
    hostname: '',
    isTerminating,
    status: { phase: 'Running', podIP: ip, podIPs: [], hostIP: '', isReady },
    ...options.spec,
  };
  return object('Pod', id, spec, { labels, annotations: options.annotations ?? {} });
}

export const inlineEndpoint = (
  address: string,
  spec: Partial<WorkloadEntrySpec> = {},
): WorkloadEntrySpec => ({
  address,
  ports: {},
  labels: {},
  serviceAccount: '',
  network: '',
  weight: 1,
  ...spec,
});

export function serviceEntry(id: Id, spec: Partial<ServiceEntrySpec>): ObjectOf<'ServiceEntry'> {
  return object('ServiceEntry', id, {
    hosts: [],
    addresses: [],
    ports: [{ number: 80, name: 'http', protocol: 'http', targetPort: 80 }],
    location: 'MESH_INTERNAL',
    resolution: 'STATIC',
    endpoints: [],
    exportTo: ['*'],
    subjectAltNames: [],
    isAllocated: true,
    ...spec,
  });
}

const noHeaders = {
  request: { set: {}, add: {}, remove: [] },
  response: { set: {}, add: {}, remove: [] },
};

/** A rule that forwards to `HOST` or `HOST/SUBSET`, evenly to several. */
export function forward(to: readonly string[], route: Partial<HttpRouteSpec> = {}): HttpRouteSpec {
  const destinations = to.map((target) => {
    const [host = '', subset = ''] = target.split('/');
    return { host, subset, weight: 100 / to.length, headers: noHeaders };
  });
  return {
    matches: [],
    action: { kind: 'forward', destinations },
    timeoutMs: 0,
    mirrors: [],
    headers: noHeaders,
    ...route,
  };
}

/** A match on a path prefix, for the gateways of the VirtualService or for some of them. */
export const onPrefix = (
  value: string,
  gateways: readonly string[] = [],
): HttpRouteSpec['matches'][number] => ({
  uri: { kind: 'prefix', value },
  ignoreUriCase: false,
  headers: {},
  withoutHeaders: {},
  queryParams: {},
  gateways,
  sourceLabels: {},
});

export const virtualService = (id: Id, spec: Partial<VirtualServiceSpec>): ObjectOf<'VirtualService'> =>
  object('VirtualService', id, {
    hosts: [],
    gateways: ['mesh'],
    exportTo: ['*'],
    http: [],
    tls: [],
    tcp: [],
    ...spec,
  });

export const destinationRule = (id: Id, spec: Partial<DestinationRuleSpec>): ObjectOf<'DestinationRule'> =>
  object('DestinationRule', id, { host: '', subsets: [], exportTo: ['*'], ...spec });

export const peerAuthentication = (
  id: Id,
  spec: Partial<PeerAuthenticationSpec>,
): ObjectOf<'PeerAuthentication'> =>
  object('PeerAuthentication', id, { mode: 'UNSET', portModes: {}, ...spec });

export const requestAuthentication = (
  id: Id,
  spec: Partial<RequestAuthenticationSpec> = {},
): ObjectOf<'RequestAuthentication'> =>
  object('RequestAuthentication', id, { targetGateways: [], jwtRules: [], ...spec });

/** A rule about this issuer, whose keys are where it says; further fields as they are. */
export const jwtRule = (issuer: string, rule: Partial<JwtRule> = {}): JwtRule => ({
  issuer,
  audiences: [],
  keys: { kind: 'uri', uri: `${issuer}/keys` },
  fromHeaders: [],
  fromParams: [],
  fromCookies: [],
  outputClaimToHeaders: [],
  forwardOriginalToken: false,
  timeoutMs: 5_000,
  spaceDelimitedClaims: [],
  ...rule,
});

export const authorizationPolicy = (
  id: Id,
  spec: Partial<AuthorizationPolicySpec> = {},
): ObjectOf<'AuthorizationPolicy'> =>
  object('AuthorizationPolicy', id, { action: 'ALLOW', rules: [], ...spec });

export function gatewayServer(
  port: number,
  hosts: readonly string[],
  options: Partial<GatewayServerSpec> = {},
): GatewayServerSpec {
  return {
    port: { number: port, name: `http-${port}`, protocol: 'HTTP' },
    hosts: hosts.map((text) => {
      const [namespace = '*', host = ''] = text.includes('/') ? text.split('/') : ['*', text];
      return { namespace, host };
    }),
    httpsRedirect: false,
    ...options,
  };
}

/** Mode SIMPLE with one Secret. */
export const gatewayTls = (credential: string): GatewayTls => ({
  mode: 'SIMPLE',
  certificates: [{ kind: 'secret', name: credential, field: 'credentialName' }],
  client: { subjectAltNames: [], certificateHashes: [], keyHashes: [] },
  isLenient: false,
  cipherSuites: [],
});

export function proxy(id: Id, options: Partial<ProxyNode> = {}): ProxyNode {
  const [namespace = '', name = ''] = id.split('/');
  return {
    id: `sidecar~127.0.1.1~${name}.${namespace}~${namespace}.svc.cluster.local`,
    role: 'sidecar',
    namespace,
    name,
    serviceAccount: 'default',
    address: '127.0.1.1',
    labels: {},
    capture: 'explicit',
    applicationAddress: '127.0.0.1',
    discovery: 'eager',
    workloadName: name,
    network: '',
    gatewayPorts: {},
    ...options,
  };
}
