// IngressRules → one Gateway a namespace, and VirtualServices bound to it; the destination's own RouteRules hold there too, as they did.
import { deepEqual } from '@xebec/std';
import { isMap } from '../values/plain-map.ts';
import type { IngressRule, RouteRule } from './old-kinds.ts';
import { type ConvertedRule, convertRule, destinations, matchOf } from './route-rules.ts';
import {
  byPrecedence,
  type Conversion,
  type Doubt,
  fullHost,
  groupBy,
  type Manifest,
  manifest,
  type Source,
  type Sources,
  shortHost,
} from './sources.ts';

const gatewayName = 'ingress';

export function convertIngressRules(sources: Sources): Conversion {
  const doubts: Doubt[] = [];
  const groups = groupBy(sources.ingressRules, ({ metadata }) => metadata.namespace);
  const manifests = groups.flatMap(([namespace, rules]) => {
    const http = rules.toSorted(byPrecedence).flatMap((rule) => routesOf(rule, sources, doubts));
    const gateways = [gatewayName];
    if (http.length === 0) return [];
    doubts.push(...rules.flatMap(foreignSecret));
    return [
      gateway(namespace, rules),
      manifest('VirtualService', { namespace, name: gatewayName }, { hosts: ['*'], gateways, http }),
    ];
  });
  return { manifests, doubts };
}

/** A gateway reads Secrets of its own namespace only. */
function foreignSecret(source: Source<IngressRule>): readonly Doubt[] {
  const [place, name] = source.spec.tlsSecret?.split('/') ?? [];
  if (name === undefined) return [];
  return [
    {
      source,
      severity: 'warning',
      path: ['spec', 'tlsSecret'],
      message: `the gateway reads Secret "${name}" of its own namespace, not of "${place}"`,
      remedy: "copy the Secret to the gateway's namespace",
    },
  ];
}

function gateway(namespace: string, rules: readonly Source<IngressRule>[]): Manifest {
  const servers = groupBy(rules, ({ spec }) => String(spec.port)).map(([, [rule]]) => {
    const { port = 80, tlsSecret } = rule?.spec ?? {};
    const protocol = tlsSecret === undefined ? 'HTTP' : 'HTTPS';
    const credentialName = tlsSecret?.split('/').at(-1);
    return {
      port: { number: port, name: `${protocol.toLowerCase()}-${port}`, protocol },
      hosts: ['*'],
      ...(credentialName === undefined ? {} : { tls: { mode: 'SIMPLE', credentialName } }),
    };
  });
  return manifest(
    'Gateway',
    { namespace, name: gatewayName },
    { selector: { istio: 'ingressgateway' }, servers },
  );
}

type Fields = Readonly<Record<string, unknown>>;

/** The rules of the destination, each under the ingress rule's conditions; then the destination itself. */
function routesOf(rule: Source<IngressRule>, sources: Sources, doubts: Doubt[]): readonly Fields[] {
  const port = portOf(rule, sources, doubts);
  if (port === undefined) return [];
  const { spec, metadata } = rule;
  const own: Fields = {
    ...(spec.match === undefined ? {} : matchOf(rule, spec.match, { sources, doubts })),
    ...(portsOf(rule, sources).size > 1 ? { port: spec.port } : {}),
  };
  const host = fullHost(spec.destination, metadata.namespace);
  const inner = sources.routeRules
    .filter((route) => fullHost(route.spec.destination, route.metadata.namespace) === host)
    .toSorted(byPrecedence)
    .flatMap((route) => composed({ rule, own, port }, route, { sources, doubts }));
  const plain = { destination: { host: shortHost(host, metadata.namespace), port: { number: port } } };
  return [...inner, entry(own, { route: [plain] })];
}

const entry = (match: Fields, rest: Fields): Fields =>
  Object.keys(match).length === 0 ? rest : { match: [match], ...rest };

const portsOf = ({ metadata }: Source<IngressRule>, { ingressRules }: Sources): ReadonlySet<number> =>
  new Set(
    ingressRules.filter((one) => one.metadata.namespace === metadata.namespace).map(({ spec }) => spec.port),
  );

interface Outer {
  readonly rule: Source<IngressRule>;
  readonly own: Fields;
  readonly port: number;
}

function composed(
  { rule, own, port }: Outer,
  route: Source<RouteRule>,
  { sources, doubts }: { readonly sources: Sources; readonly doubts: Doubt[] },
): readonly Fields[] {
  const { spec } = route;
  if (spec.match?.source !== undefined || spec.match?.tcp !== undefined) return [];
  const { match, rest }: ConvertedRule = convertRule(route, sources, doubts);
  const both = merged(own, match ?? {});
  if (both === undefined) {
    doubts.push({
      source: rule,
      severity: 'error',
      path: ['spec', 'match'],
      message: `the conditions of RouteRule ${route.metadata.name} and of this rule name the same property`,
      remedy: 'write the route of the gateway by hand for requests that meet both',
    });
    return [];
  }
  const forward = spec.redirect === undefined ? { route: destinations(route, port) } : {};
  return [entry(both, { ...rest, ...forward })];
}

/** Both conditions as one; undefined when they differ about one property. */
function merged(left: Fields, right: Fields): Fields | undefined {
  const result: Record<string, unknown> = { ...left };
  for (const [key, value] of Object.entries(right)) {
    const before = result[key];
    if (before === undefined || deepEqual(before, value)) result[key] = value;
    else if (key === 'headers' && isMap(before) && isMap(value)) {
      const headers = merged(before, value);
      if (headers === undefined) return undefined;
      result[key] = headers;
    } else return undefined;
  }
  return result;
}

function portOf(rule: Source<IngressRule>, sources: Sources, doubts: Doubt[]): number | undefined {
  const { destination, destinationPort, destinationPortName: wanted } = rule.spec;
  if (destinationPort !== undefined) return destinationPort;
  const namespace = destination.namespace ?? rule.metadata.namespace;
  const known = sources.services
    .get(`${namespace}/${destination.name}`)
    ?.ports.find(({ name }) => name === wanted);
  if (typeof known?.port === 'number') return known.port;
  doubts.push({
    source: rule,
    severity: 'error',
    path: ['spec', 'destinationPortName'],
    message: `the number of port "${wanted}" is not known`,
    remedy: 'add the Service to the documents, or write "destinationPort"',
  });
  return undefined;
}
