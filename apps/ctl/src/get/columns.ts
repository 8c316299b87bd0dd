// Which columns `get` shows for which kind: kubectl's and istioctl's where they have some.
import { at, type JsonObject, numberOf, objectOf, objectsOf, textOf, textsOf } from '../admin/json.ts';

export interface Column {
  readonly heading: string;
  readonly of: (object: JsonObject) => string;
}

const column = (heading: string, of: (object: JsonObject) => string): Column => ({ heading, of });
const field = (heading: string, ...path: readonly (string | number)[]): Column =>
  column(heading, (object) => {
    const value = at(object, ...path);
    return typeof value === 'number' ? String(value) : textOf(value);
  });
const texts = (heading: string, ...path: readonly string[]): Column =>
  column(heading, (object) => textsOf(at(object, ...path)).join(','));

const name = field('NAME', 'metadata', 'name');
const age = column('AGE', (object) => ageOf(textOf(at(object, 'metadata', 'creationTimestamp'))));
const status = column('STATUS', (object) => {
  const acceptance = at(object, 'status', 'xebec');
  if (at(acceptance, 'accepted') === false) return 'refused (last good value stands)';
  const problems = objectsOf(at(acceptance, 'problems'));
  const [first] = problems;
  if (first === undefined) return 'accepted';
  const more = problems.length === 1 ? '' : ` (and ${problems.length - 1} more)`;
  return `${shorten(problemWords[textOf(first['code'])] ?? textOf(first['message']))}${more}`;
});

/** What a problem that shows only in use is called in a table; the whole of it is in `-o yaml`. */
const problemWords: Readonly<Record<string, string>> = {
  'refused-by-envoy': 'refused by Envoy',
  'cannot-verify': 'not checked, not in force',
};

const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 59)}…` : text);
/** How many of the proxies that have something of it have all of it. */
const proxies = column('PROXIES', (object) => {
  const counts = at(object, 'status', 'xebec', 'proxies');
  const targeted = numberOf(at(counts, 'targeted'));
  const refused = numberOf(at(counts, 'refused')) ?? 0;
  if (targeted === undefined) return '';
  const ready = `${numberOf(at(counts, 'programmed')) ?? 0}/${targeted}`;
  return refused === 0 ? ready : `${ready} (${refused} refused)`;
});

/** Of those that are fetched: whether they are there, and how old. */
const keys = column('KEYS', (object) =>
  objectsOf(at(object, 'status', 'xebec', 'keys'))
    .map(({ state, keys: count, ageSeconds, problem }) => {
      const known = `${numberOf(count) ?? 0}, ${numberOf(ageSeconds) ?? 0}s old`;
      const trouble = problem === undefined ? '' : ' (cannot be fetched)';
      return `${state === 'known' ? known : 'missing'}${trouble}`;
    })
    .join('; '),
);

/** Codes of what `xebec analyze` finds. */
const findings = column('FINDINGS', (object) =>
  [...new Set(objectsOf(at(object, 'status', 'xebec', 'findings')).map(({ code }) => textOf(code)))].join(
    ',',
  ),
);

const source = column('SOURCE', (object) => {
  const file = textOf(at(object, 'origin', 'file'));
  const line = numberOf(at(object, 'origin', 'line'));
  return line === undefined ? file : `${file}:${line}`;
});

const portsOf = (object: JsonObject): string =>
  objectsOf(at(object, 'spec', 'ports'))
    .map((port) => `${numberOf(port['port'] ?? port['number']) ?? '?'}/${textOf(port['protocol']) || 'TCP'}`)
    .join(',');

/** Those it was given, else its own. */
function addressesOf(object: JsonObject): string {
  const given = objectsOf(at(object, 'status', 'addresses')).map(({ value }) => textOf(value));
  return (given.length > 0 ? given : textsOf(at(object, 'spec', 'addresses'))).join(',');
}

/** Empty where nobody looks. */
const healthOf = (object: JsonObject): string =>
  objectsOf(at(object, 'status', 'conditions'))
    .filter(({ type }) => type === 'Healthy')
    .map(({ status: value }) => textOf(value))
    .join();

const isTrue = (type: string) => (object: JsonObject) =>
  objectsOf(at(object, 'status', 'conditions')).some(
    (condition) => condition['type'] === type && condition['status'] === 'True',
  );

const podColumns: readonly Column[] = [
  name,
  column('READY', (pod) => {
    const containers = objectsOf(at(pod, 'status', 'containerStatuses'));
    const ready = containers.filter((container) => container['ready'] === true).length;
    if (containers.length === 0) return isTrue('Ready')(pod) ? '1/1' : '0/1';
    return `${ready}/${containers.length}`;
  }),
  column('STATUS', podStatus),
  column('RESTARTS', (pod) =>
    String(
      objectsOf(at(pod, 'status', 'containerStatuses')).reduce(
        (sum, container) => sum + (numberOf(container['restartCount']) ?? 0),
        0,
      ),
    ),
  ),
  field('IP', 'status', 'podIP'),
  age,
];

function podStatus(pod: JsonObject): string {
  if (at(pod, 'metadata', 'deletionTimestamp') !== undefined) return 'Terminating';
  const phase = textOf(at(pod, 'status', 'phase')) || 'Pending';
  const message = textOf(at(pod, 'status', 'message'));
  return isTrue('Ready')(pod) || message === '' ? phase : `${phase}: ${message}`;
}

const byKind: Readonly<Record<string, readonly Column[]>> = {
  Namespace: [name, status, age],
  Pod: podColumns,
  Service: [
    name,
    column('TYPE', (object) => textOf(at(object, 'spec', 'type')) || 'ClusterIP'),
    field('CLUSTER-IP', 'spec', 'clusterIP'),
    column('PORTS', portsOf),
    age,
  ],
  Deployment: [
    name,
    column('REPLICAS', (object) => String(numberOf(at(object, 'spec', 'replicas')) ?? 1)),
    column('IMAGES', (object) =>
      objectsOf(at(object, 'spec', 'template', 'spec', 'containers'))
        .map((container) => textOf(container['image']))
        .join(','),
    ),
    age,
  ],
  EnvoyFilter: [
    name,
    column('PATCHES', (filter) => String(objectsOf(at(filter, 'spec', 'configPatches')).length)),
    status,
    proxies,
    findings,
    age,
  ],
  VirtualService: [
    name,
    texts('GATEWAYS', 'spec', 'gateways'),
    texts('HOSTS', 'spec', 'hosts'),
    status,
    proxies,
    findings,
    age,
  ],
  DestinationRule: [
    name,
    field('HOST', 'spec', 'host'),
    column('SUBSETS', (object) =>
      objectsOf(at(object, 'spec', 'subsets'))
        .map((subset) => textOf(subset['name']))
        .join(','),
    ),
    status,
    proxies,
    findings,
    age,
  ],
  Gateway: [
    name,
    column('SELECTOR', (object) => labels(at(object, 'spec', 'selector'))),
    column('SERVERS', (object) =>
      objectsOf(at(object, 'spec', 'servers'))
        .map(
          (server) =>
            `${numberOf(at(server, 'port', 'number')) ?? '?'}/${textOf(at(server, 'port', 'protocol'))}`,
        )
        .join(','),
    ),
    status,
    proxies,
    findings,
    age,
  ],
  ServiceEntry: [
    name,
    texts('HOSTS', 'spec', 'hosts'),
    column('PORTS', portsOf),
    field('LOCATION', 'spec', 'location'),
    field('RESOLUTION', 'spec', 'resolution'),
    column('ADDRESSES', addressesOf),
    status,
    proxies,
    findings,
    age,
  ],
  WorkloadEntry: [
    name,
    field('ADDRESS', 'spec', 'address'),
    column('HEALTHY', healthOf),
    column('GROUP', (object) =>
      textOf(at(object, 'metadata', 'annotations', 'istio.io/autoRegistrationGroup')),
    ),
    status,
    proxies,
    findings,
    age,
  ],
  WorkloadGroup: [
    name,
    column(
      'SERVICEACCOUNT',
      (object) => textOf(at(object, 'spec', 'template', 'serviceAccount')) || 'default',
    ),
    column('LABELS', (object) => labels(at(object, 'spec', 'metadata', 'labels'))),
    status,
    proxies,
    findings,
    age,
  ],
  Sidecar: [
    name,
    column('SELECTOR', (object) => labels(at(object, 'spec', 'workloadSelector', 'labels'))),
    column('HOSTS', (object) =>
      objectsOf(at(object, 'spec', 'egress'))
        .flatMap((listener) => textsOf(listener['hosts']))
        .join(','),
    ),
    status,
    proxies,
    findings,
    age,
  ],
  ProxyConfig: [
    name,
    column('SELECTOR', (object) => labels(at(object, 'spec', 'selector', 'matchLabels'))),
    field('CONCURRENCY', 'spec', 'concurrency'),
    status,
    findings,
    age,
  ],
  RequestAuthentication: [
    name,
    column('ISSUERS', (object) =>
      objectsOf(at(object, 'spec', 'jwtRules'))
        .map(({ issuer }) => textOf(issuer))
        .join(','),
    ),
    column('SELECTOR', (object) => labels(at(object, 'spec', 'selector', 'matchLabels'))),
    keys,
    status,
    proxies,
    findings,
    age,
  ],
  PeerAuthentication: [
    name,
    column('MODE', (object) => textOf(at(object, 'spec', 'mtls', 'mode')) || 'UNSET'),
    column('SELECTOR', (object) => labels(at(object, 'spec', 'selector', 'matchLabels'))),
    status,
    proxies,
    findings,
    age,
  ],
  EndpointSlice: [
    name,
    column('ENDPOINTS', (object) =>
      objectsOf(at(object, 'endpoints'))
        .flatMap((endpoint) => textsOf(endpoint['addresses']))
        .join(','),
    ),
    age,
  ],
  Secret: [
    name,
    field('TYPE', 'type'),
    column('DATA', (object) => String(Object.keys(objectOf(at(object, 'data'))).length)),
    age,
  ],
};

const labels = (value: unknown): string =>
  Object.entries(objectOf(value))
    .map(([key, text]) => `${key}=${textOf(text)}`)
    .join(',');

export const columnsFor = (kind: string): readonly Column[] =>
  byKind[kind] ?? [name, status, proxies, findings, source, age];

/** `45s`, `3m10s`, `5h`, `12d`, as kubectl rounds it. */
export function ageOf(timestamp: string, nowMs = Date.now()): string {
  const seconds = Math.floor((nowMs - Date.parse(timestamp)) / 1000);
  if (!Number.isFinite(seconds)) return '';
  if (seconds < 120) return `${Math.max(0, seconds)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}

/** Whether a Pod says that it is ready. */
export const isPodReady: (pod: JsonObject) => boolean = isTrue('Ready');
