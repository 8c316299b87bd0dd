// The rules of the benchmark, of the size that people write: a dozen rules, of which a call meets some.

type Json = Readonly<Record<string, unknown>>;

export const policyNamespace = 'bench';
export const programNamespace = 'programs';

/** JSON is YAML. */
const objectIn =
  (namespace: string) =>
  (kind: string, name: string, spec: Json): string =>
    JSON.stringify({
      apiVersion: 'config.istio.io/v1alpha2',
      kind,
      metadata: { name, namespace },
      spec,
    });

const object = objectIn(policyNamespace);
const ofPrograms = objectIn(programNamespace);

const handler = (name: string, compiledAdapter: string, params: Json): string =>
  object('handler', name, { compiledAdapter, params });
const instance = (name: string, compiledTemplate: string, params: Json): string =>
  object('instance', name, { compiledTemplate, params });
const rule = (name: string, match: string, actions: Readonly<Record<string, string>>): string =>
  object('rule', name, {
    match,
    actions: Object.entries(actions).map(([to, what]) => ({ handler: to, instances: [what] })),
  });

const isApp = (app: string): string => `destination.labels["app"] == "${app}"`;

/** One workload a variant; each name is the app's label. */
export const variants = ['plain', 'compiled', 'counted', 'asked', 'told'] as const;
export type Variant = (typeof variants)[number];

/** Nobody matches these, and every call is compared with them. */
const others = Array.from({ length: 8 }, (_, index) =>
  rule(`other-${index}`, `${isApp(`other-${index}`)} && request.path.startsWith("/admin")`, {
    deny: 'nothing',
  }),
);

const blacklist = { overrides: ['eve', 'mallory'], blacklist: true, cachingInterval: '60s' };
const user = { value: 'request.headers["x-user"] | "nobody"' };

const lists = [
  handler('deny', 'denier', { status: { code: 7, message: 'closed' } }),
  instance('nothing', 'checknothing', {}),
  handler('users', 'list', blacklist),
  instance('user', 'listentry', user),
  handler('callers', 'list', { overrides: ['client'] }),
  instance('caller', 'listentry', { value: 'source.labels["app"] | "nobody"' }),
];

/** What a proxy decides: a header on a list, a method, a path. */
const compiled = [
  rule('no-writes', `${isApp('compiled')} && request.method == "PUT"`, { deny: 'nothing' }),
  rule('closed', `${isApp('compiled')} && request.path.startsWith("/closed")`, { deny: 'nothing' }),
  rule('known-users', isApp('compiled'), { users: 'user' }),
];

/** More than there are requests; parts of it are handed to proxies beforehand. */
const counted = [
  JSON.stringify({
    apiVersion: 'policy.xebec.io/v1alpha1',
    kind: 'QuotaPool',
    metadata: { name: 'counted', namespace: policyNamespace },
    spec: {
      ...{ amount: 1_000_000_000_000, window: 'year', mode: 'BEST_EFFORT' },
      requests: [{ match: isApp('counted') }],
    },
  }),
];

/** What only the policy service knows: labels of the caller. */
const asked = [rule('callers', isApp('asked'), { callers: 'caller' })];

const told = [
  handler('board', 'prometheus', {
    metrics: [
      {
        name: 'bench_requests',
        instance_name: `requests.instance.${policyNamespace}`,
        kind: 'COUNTER',
        label_names: ['source', 'destination', 'code', 'method'],
      },
    ],
  }),
  instance('requests', 'metric', {
    value: '1',
    dimensions: {
      source: 'source.workload.name | source.labels["app"] | "unknown"',
      destination: 'destination.labels["app"] | "unknown"',
      code: 'response.code | 200',
      method: 'request.method | "GET"',
    },
  }),
  rule('requests', isApp('told'), { board: 'requests' }),
];

/** What programs ask and tell. Its own namespace: what rules say of programs no proxy has to ask about. */
const programs = [
  ofPrograms('handler', 'users', { compiledAdapter: 'list', params: blacklist }),
  ofPrograms('instance', 'user', { compiledTemplate: 'listentry', params: user }),
  ofPrograms('rule', 'users-of-models', {
    match: 'api.service == "models"',
    actions: [{ handler: 'users', instances: ['user'] }],
  }),
  ofPrograms('rule', 'requests', {
    match: 'api.service == "models"',
    actions: [{ handler: `board.${policyNamespace}`, instances: [`requests.${policyNamespace}`] }],
  }),
];

/** Reports that nobody takes. */
const silent = (address: string): readonly string[] => [
  handler('silent', 'fluentd', { address, pushTimeout: '1s' }),
  instance('lines', 'logentry', {
    severity: '"info"',
    timestamp: 'request.time',
    variables: { path: 'request.path', code: 'response.code | 0' },
  }),
  rule('silent', isApp('slow'), { silent: 'lines' }),
];

export const policyDocuments = (silentBackend: string): readonly string[] => [
  ...[...lists, ...others, ...compiled, ...counted, ...asked, ...told],
  ...[...programs, ...silent(silentBackend)],
];
