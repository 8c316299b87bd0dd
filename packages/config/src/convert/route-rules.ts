// RouteRules → VirtualServices: all rules of a host become one, by precedence; what no rule takes goes on as before.
import type { StringMatch } from '../values/shapes.ts';
import type { RouteRule } from './old-kinds.ts';
import type { OldMatch, OldService } from './old-values.ts';
import {
  byPrecedence,
  type Conversion,
  type Doubt,
  fullHost,
  groupBy,
  type Manifest,
  manifest,
  nameFor,
  type ServiceFacts,
  type Source,
  type Sources,
  shortHost,
  subsetName,
} from './sources.ts';

type Fields = Readonly<Record<string, unknown>>;

/** One converted rule: an entry of `http` or of `tcp`. */
export interface ConvertedRule {
  readonly protocol: 'http' | 'tcp';
  readonly match: Fields | undefined;
  readonly rest: Fields;
}

export function convertRouteRules(sources: Sources): Conversion {
  const doubts: Doubt[] = [];
  const groups = groupBy(sources.routeRules, hostKey);
  const manifests = groups.map(([, rules]) => virtualService(rules, sources, doubts));
  return { manifests: manifests.flat(), doubts };
}

const hostKey = ({ metadata, spec }: Source<RouteRule>): string =>
  `${metadata.namespace}/${fullHost(spec.destination, metadata.namespace)}`;

function virtualService(
  rules: readonly Source<RouteRule>[],
  sources: Sources,
  doubts: Doubt[],
): readonly Manifest[] {
  const [first] = rules;
  if (first === undefined) return [];
  const { namespace } = first.metadata;
  const host = fullHost(first.spec.destination, namespace);
  const converted = rules.toSorted(byPrecedence).map((rule) => convertRule(rule, sources, doubts));
  const ofProtocol = (wanted: string) =>
    converted
      .filter(({ protocol }) => protocol === wanted)
      .map(({ match, rest }) => ({ ...(match === undefined ? {} : { match: [match] }), ...rest }));
  const http = withDefaultRoute(ofProtocol('http'), shortHost(host, namespace));
  const tcp = ofProtocol('tcp');
  const spec = {
    hosts: [shortHost(host, namespace)],
    ...(http.length === 0 ? {} : { http }),
    ...(tcp.length === 0 ? {} : { tcp }),
  };
  return [manifest('VirtualService', { namespace, name: nameFor(host, namespace) }, spec)];
}

/** The old rules left what they did not match alone; a VirtualService answers it with 404. */
function withDefaultRoute(routes: readonly Fields[], host: string): readonly Fields[] {
  const isOpen = routes.length > 0 && routes.every((route) => route['match'] !== undefined);
  return isOpen ? [...routes, { route: [{ destination: { host } }] }] : routes;
}

export function convertRule(rule: Source<RouteRule>, sources: Sources, doubts: Doubt[]): ConvertedRule {
  const { spec } = rule;
  const match = spec.match === undefined ? undefined : matchOf(rule, spec.match, { sources, doubts });
  if (spec.match?.tcp === undefined) return { protocol: 'http', match, rest: httpFields(rule) };
  return { protocol: 'tcp', match, rest: { route: destinations(rule) } };
}

interface Context {
  readonly sources: Sources;
  readonly doubts: Doubt[];
}

const pseudoHeaders = ['uri', 'scheme', 'method', 'authority'];

export function matchOf(source: Source<unknown>, match: OldMatch, context: Context): Fields | undefined {
  const headers = Object.entries(match.request?.headers ?? {});
  const own = headers
    .filter(([name]) => pseudoHeaders.includes(name))
    .map(([name, value]) => [name, text(value)]);
  const rest = headers
    .filter(([name]) => !pseudoHeaders.includes(name))
    .map(([name, value]) => [name, text(value)]);
  const subnets = match.tcp?.destinationSubnet;
  const fields = {
    ...Object.fromEntries(own),
    ...(rest.length === 0 ? {} : { headers: Object.fromEntries(rest) }),
    ...(subnets === undefined ? {} : { destinationSubnets: subnets }),
    ...(match.source === undefined ? {} : clientFields(source, match.source, context)),
  };
  return Object.keys(fields).length === 0 ? undefined : fields;
}

const text = (match: StringMatch): Fields => (match.kind === 'present' ? {} : { [match.kind]: match.value });

/** A client was named by its service; today it is told by its labels. */
function clientFields(source: Source<unknown>, client: OldService, { sources, doubts }: Context): Fields {
  const { namespace } = client;
  const selector = selectorOf(source, client, { sources, doubts });
  const sourceLabels = { ...selector, ...client.labels };
  return {
    ...(Object.keys(sourceLabels).length === 0 ? {} : { sourceLabels }),
    ...(namespace === undefined || namespace === source.metadata.namespace
      ? {}
      : { sourceNamespace: namespace }),
  };
}

function selectorOf(source: Source<unknown>, client: OldService, { sources, doubts }: Context): Fields {
  if (client.name === undefined) return {};
  const known: ServiceFacts | undefined = sources.services.get(
    `${client.namespace ?? source.metadata.namespace}/${client.name}`,
  );
  if (known !== undefined) return known.selector;
  doubts.push({
    source,
    severity: 'warning',
    path: ['spec', 'match', 'source', 'name'],
    message: `the labels of the clients of service "${client.name}" are not known: taken as app: ${client.name}`,
    remedy: 'add the Service to the documents, or correct "sourceLabels" in the result',
  });
  return { app: client.name };
}

function httpFields(rule: Source<RouteRule>): Fields {
  const { spec } = rule;
  const { httpReqTimeout: timeout, httpReqRetries: retries, httpFault: fault, rewrite, redirect } = spec;
  return {
    ...(redirect === undefined ? { route: destinations(rule) } : { redirect }),
    ...(rewrite === undefined ? {} : { rewrite }),
    ...(timeout === undefined ? {} : { timeout: timeout.simpleTimeout.timeout }),
    ...(retries === undefined ? {} : { retries: retries.simpleRetry }),
    ...(fault === undefined ? {} : { fault: faultOf(fault) }),
    ...(spec.mirror === undefined ? {} : { mirror: destination(rule, spec.mirror) }),
    ...(spec.corsPolicy === undefined ? {} : { corsPolicy: corsOf(spec.corsPolicy) }),
    ...(spec.appendHeaders === undefined ? {} : { headers: { request: { add: spec.appendHeaders } } }),
  };
}

function faultOf({ delay, abort }: NonNullable<RouteRule['httpFault']>): Fields {
  const share = ({ percent, ...fault }: { readonly percent: number }) => ({
    ...fault,
    percentage: { value: percent },
  });
  return {
    ...(delay === undefined ? {} : { delay: share(delay) }),
    ...(abort === undefined ? {} : { abort: share(abort) }),
  };
}

function corsOf({ allowOrigin, ...cors }: NonNullable<RouteRule['corsPolicy']>): Fields {
  return { allowOrigins: allowOrigin.map((exact) => ({ exact })), ...cors };
}

/** Weighted destinations; without any, everything goes to the rule's own. */
export function destinations(rule: Source<RouteRule>, port?: number): readonly Fields[] {
  const { route, destination: own } = rule.spec;
  if (route.length === 0) return [{ destination: destination(rule, own, port) }];
  return route.map((target) => {
    const labels = target.labels ?? target.destination?.labels;
    const service = { ...(target.destination ?? own), ...(labels === undefined ? {} : { labels }) };
    return {
      destination: destination(rule, service, port),
      ...(route.length === 1 ? {} : { weight: target.weight ?? 0 }),
    };
  });
}

function destination({ metadata }: Source<RouteRule>, service: OldService, port?: number): Fields {
  const host = shortHost(fullHost(service, metadata.namespace), metadata.namespace);
  const { labels = {} } = service;
  return {
    host,
    ...(Object.keys(labels).length === 0 ? {} : { subset: subsetName(labels) }),
    ...(port === undefined ? {} : { port: { number: port } }),
  };
}
