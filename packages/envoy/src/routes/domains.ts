// The names under which clients of a layer may address one port of a host.
import { type Host, type Layer, namespaceOfLayer, type Service } from '@xebec/model';
import type { RouteStyle } from '../demand.ts';

export interface DomainOptions {
  readonly host: Host;
  readonly service: Service | undefined;
  readonly layer: Layer;
  readonly clusterDomain: string;
  readonly port: number;
  readonly style: RouteStyle;
  /** Members of the service have names of their own below its names. */
  readonly hasMembers?: boolean;
}

/**
 * The host itself first, then Kubernetes' shorter forms and the service's addresses. The bare name is only
 * known inside the service's own namespace. Domains of an HTTP proxy carry the port, port 80 also comes without.
 */
export function domainsOf(options: DomainOptions): readonly string[] {
  const own = [options.host, ...shortNames(options)];
  const members = options.hasMembers === true ? own.map((name) => `*.${name}`) : [];
  const names = [...own, ...members, ...addresses(options.service)];
  if (options.style === 'port') return names;
  const withPort = names.map((name) => `${name}:${options.port}`);
  return options.port === 80 ? [...withPort, ...names] : withPort;
}

function shortNames({ service, layer, clusterDomain, host }: DomainOptions): readonly string[] {
  if (service === undefined || service.platform !== 'kubernetes') return [];
  const { name, namespace } = service;
  if (host !== `${name}.${namespace}.svc.${clusterDomain}`) return [];
  const qualified = [`${name}.${namespace}.svc`, `${name}.${namespace}`];
  return namespaceOfLayer(layer) === namespace ? [...qualified, name] : qualified;
}

const addresses = (service: Service | undefined): readonly string[] =>
  (service?.addresses ?? [])
    .filter((text) => !text.includes('/'))
    .map((text) => (text.includes(':') ? `[${text}]` : text));
