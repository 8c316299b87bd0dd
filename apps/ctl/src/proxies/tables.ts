// Envoy's dumps as tables with istioctl's columns, and the cause of every row.
import {
  at,
  isObject,
  type JsonObject,
  numberOf,
  objectOf,
  objectsOf,
  textOf,
  textsOf,
} from '../admin/json.ts';
import { formatTable } from '../output/table.ts';
import { certificateFacts } from './certificate-facts.ts';

/** What is behind a resource, as its metadata says. */
export function causesOf(resource: unknown): string {
  return textsOf(at(resource, 'metadata', 'filter_metadata', 'xebec', 'causes')).join(', ');
}

/** The resources of a dump, static ones first, without the wrapping of states. */
function resourcesOf(dump: unknown, kind: string): readonly JsonObject[] {
  const lists = ['static', 'dynamic_active', 'dynamic_warming', 'dynamic'].map((prefix) =>
    objectsOf(at(dump, `${prefix}_${kind}s`)),
  );
  const field = kind === 'route_config' ? 'route_config' : kind;
  return lists.flat().flatMap((entry) => {
    const found = entry[field] ?? at(entry, 'active_state', field) ?? at(entry, 'warming_state', field);
    return isObject(found) ? [found] : [];
  });
}

/** `outbound|9080|v1|reviews.default.svc.cluster.local` in istioctl's columns. */
export function clusterTable(dump: unknown): string {
  const rows = resourcesOf(dump, 'cluster').map((cluster) => {
    const name = textOf(cluster['name']);
    const [direction = '', port = '', subset = '', host = ''] = name.split('|');
    const isIstio = name.includes('|');
    return [
      isIstio ? host || '-' : name,
      isIstio ? port : '-',
      subset || '-',
      isIstio ? direction : '-',
      textOf(cluster['type']) || 'STATIC',
      causesOf(cluster),
    ];
  });
  const sorted = [...rows].sort((a, b) => a.join('\0').localeCompare(b.join('\0')));
  return formatTable(['SERVICE FQDN', 'PORT', 'SUBSET', 'DIRECTION', 'TYPE', 'CAUSE'], sorted);
}

export function endpointTable(clusters: unknown): string {
  const rows = objectsOf(at(clusters, 'cluster_statuses')).flatMap((cluster) =>
    objectsOf(cluster['host_statuses']).map((host) => [
      addressOf(host['address']),
      healthOf(objectOf(host['health_status'])),
      at(host, 'health_status', 'failed_outlier_check') === true ? 'FAILED' : 'OK',
      textOf(cluster['name']),
    ]),
  );
  return formatTable(['ENDPOINT', 'STATUS', 'OUTLIER CHECK', 'CLUSTER'], rows);
}

const healthOf = (health: JsonObject): string => textOf(health['eds_health_status']) || 'HEALTHY';

function addressOf(address: unknown): string {
  const socket = at(address, 'socket_address');
  if (socket !== undefined) {
    return `${textOf(at(socket, 'address'))}:${numberOf(at(socket, 'port_value')) ?? ''}`;
  }
  const pipe = textOf(at(address, 'pipe', 'path'));
  return pipe === ''
    ? textOf(at(address, 'envoy_internal_address', 'server_listener_name'))
    : `unix://${pipe}`;
}

export function listenerTable(dump: unknown): string {
  const rows = resourcesOf(dump, 'listener').flatMap((listener) => {
    const chains = [
      ...objectsOf(listener['filter_chains']),
      ...objectsOf([listener['default_filter_chain']]),
    ];
    const [address = '', port = ''] = splitAddress(addressOf(listener['address']));
    return chains.map((chain) => [
      textOf(listener['name']),
      address,
      port,
      matchOf(objectOf(chain['filter_chain_match'])),
      destinationOf(chain),
      causesOf(chain) || causesOf(listener),
    ]);
  });
  return formatTable(['NAME', 'ADDRESS', 'PORT', 'MATCH', 'DESTINATION', 'CAUSE'], rows);
}

function splitAddress(address: string): readonly string[] {
  if (address.startsWith('unix://')) return [address, ''];
  const colon = address.lastIndexOf(':');
  return [address.slice(0, colon), address.slice(colon + 1)];
}

function matchOf(match: JsonObject): string {
  const ranges = objectsOf(match['prefix_ranges']).map(
    (range) => `${textOf(range['address_prefix'])}/${numberOf(range['prefix_len']) ?? ''}`,
  );
  const parts = [
    ['Trans', textOf(match['transport_protocol'])],
    ['App', textsOf(match['application_protocols']).join(',')],
    ['SNI', textsOf(match['server_names']).join(',')],
    ['Addr', ranges.join(',')],
    ['Port', String(numberOf(match['destination_port']) ?? '')],
  ].filter(([, text]) => text !== '');
  return parts.length === 0 ? 'ALL' : parts.map(([name, text]) => `${name}: ${text}`).join('; ');
}

function destinationOf(chain: JsonObject): string {
  for (const filter of objectsOf(chain['filters'])) {
    const config = filter['typed_config'];
    const route = textOf(at(config, 'rds', 'route_config_name'));
    if (route !== '') return `Route: ${route}`;
    const hosts = objectsOf(at(config, 'route_config', 'virtual_hosts'));
    if (hosts.length > 0) return `Inline Route: ${inlineClusters(hosts)}`;
    const cluster = textOf(at(config, 'cluster'));
    if (cluster !== '') return `Cluster: ${cluster}`;
    const weighted = objectsOf(at(config, 'weighted_clusters', 'clusters')).map((one) => textOf(one['name']));
    if (weighted.length > 0) return `Clusters: ${weighted.join(', ')}`;
  }
  return 'Non-HTTP/Non-TCP';
}

const inlineClusters = (hosts: readonly JsonObject[]): string =>
  [...new Set(hosts.flatMap((host) => objectsOf(host['routes']).map(targetOf)))].join(', ');

export function routeTable(dump: unknown): string {
  const rows = resourcesOf(dump, 'route_config').flatMap((configuration) =>
    objectsOf(configuration['virtual_hosts']).flatMap((host) =>
      objectsOf(host['routes']).map((route) => [
        textOf(configuration['name']) || '-',
        textOf(host['name']),
        domainsOf(host),
        pathOf(objectOf(route['match'])),
        targetOf(route),
        causesOf(route) || causesOf(host),
      ]),
    ),
  );
  return formatTable(['NAME', 'VHOST NAME', 'DOMAINS', 'MATCH', 'DESTINATION', 'CAUSE'], rows);
}

const mostDomains = 2;

function domainsOf(host: JsonObject): string {
  const domains = textsOf(host['domains']);
  const more = domains.length - mostDomains;
  return `${domains.slice(0, mostDomains).join(', ')}${more > 0 ? ` + ${more} more...` : ''}`;
}

function pathOf(match: JsonObject): string {
  const prefix = textOf(match['prefix']) || textOf(match['path_separated_prefix']);
  const path = textOf(match['path']) || (prefix === '' ? '' : `${prefix}*`);
  const regex = textOf(at(match, 'safe_regex', 'regex'));
  const headers = objectsOf(match['headers']).map((header) => textOf(header['name']));
  const shown = path || (regex === '' ? '/*' : `regex ${regex}`);
  return headers.length === 0 ? shown : `${shown} with ${headers.join(', ')}`;
}

function targetOf(route: JsonObject): string {
  const action = objectOf(route['route']);
  const cluster = textOf(action['cluster']);
  if (cluster !== '') return cluster;
  const weighted = objectsOf(at(action, 'weighted_clusters', 'clusters')).map(
    (one) => `${textOf(one['name'])} (${numberOf(one['weight']) ?? 0})`,
  );
  if (weighted.length > 0) return weighted.join(', ');
  if (route['redirect'] !== undefined) return 'redirect';
  const status = numberOf(at(route, 'direct_response', 'status'));
  return status === undefined ? '-' : `answers ${status}`;
}

export function secretTable(dump: unknown): string {
  const states = [
    ...objectsOf(at(dump, 'static_secrets')).map((entry) => [entry, 'STATIC'] as const),
    ...objectsOf(at(dump, 'dynamic_active_secrets')).map((entry) => [entry, 'ACTIVE'] as const),
    ...objectsOf(at(dump, 'dynamic_warming_secrets')).map((entry) => [entry, 'WARMING'] as const),
  ];
  const rows = states.map(([entry, state]) => {
    const facts = certificateFacts(entry['secret']);
    return [
      textOf(entry['name']),
      facts.type,
      state,
      facts.isValid,
      facts.serial,
      facts.notAfter,
      facts.notBefore,
      facts.identity,
    ];
  });
  const headings = [
    'RESOURCE NAME',
    'TYPE',
    'STATUS',
    'VALID CERT',
    'SERIAL NUMBER',
    'NOT AFTER',
    'NOT BEFORE',
    'IDENTITY',
  ];
  return formatTable(headings, rows);
}
