// Who is asked about calls: providers of the mesh's settings, and the services behind them as a namespace sees them.
import type { ExtensionProviderSpec } from '@xebec/config';
import type {
  AuthorizationPolicy,
  AuthorizationProvider,
  Host,
  MissingProvider,
  Service,
} from '@xebec/model';
import { type HostView, holderIn } from './hosts.ts';
import type { Lookup } from './lookups.ts';
import { policyServiceHost, policyServicePort } from './policy-service-place.ts';
import { type SettingsLookup, settingsOf } from './settings.ts';

export interface ProviderReads {
  readonly hosts: Lookup<Host, HostView>;
  readonly settings: SettingsLookup;
}

/** With its provider, where it has one: what is asked, or why nobody can be. */
export function withProvider(
  policy: AuthorizationPolicy,
  namespace: string,
  read: ProviderReads,
): AuthorizationPolicy {
  if (policy.action !== 'CUSTOM') return policy;
  return { ...policy, provider: findProvider(policy.provider?.name ?? '', namespace, read) };
}

/** As the proxies of a namespace see it. */
export function findProvider(
  name: string,
  namespace: string,
  read: ProviderReads,
): AuthorizationProvider | MissingProvider {
  const { extensionProviders = [], rootNamespace, clusterDomain } = settingsOf(read.settings);
  const written = extensionProviders.find((each) => each.name === name);
  if (written === undefined) {
    const problem = `the mesh has no provider "${name}"`;
    const remedy = `add it to extensionProviders of ConfigMap ${rootNamespace}/istio`;
    return { name, problem, remedy };
  }
  const holder = holderIn(read.hosts.get(written.service.host), `ns:${namespace}`);
  const missing = problemOf(written, holder?.service);
  const { service, ...rest } = written;
  if (missing !== undefined) return { name, ...missing };
  const isPolicyService =
    service.host === policyServiceHost(rootNamespace, clusterDomain) && rest.port === policyServicePort;
  return { ...rest, host: service.host, ...(isPolicyService ? { isPolicyService } : {}) };
}

function problemOf(
  { name, service: { host, namespace }, port, protocol }: ExtensionProviderSpec,
  service: Service | undefined,
): Omit<MissingProvider, 'name'> | undefined {
  if (service === undefined || (namespace !== undefined && service.namespace !== namespace)) {
    const where = namespace === undefined ? '' : ` of namespace ${namespace}`;
    const problem = `there is no service ${host}${where}, which is the provider "${name}"`;
    return { problem, remedy: 'write the full name of a service that is visible there' };
  }
  const found = service.ports.find((each) => each.number === port);
  if (found === undefined) {
    const problem = `${host} has no port ${port}, at which the provider "${name}" is asked`;
    return { problem, remedy: `write one of ${service.ports.map((each) => each.number).join(', ')}` };
  }
  if (protocol !== 'grpc' || found.protocol === 'grpc' || found.protocol === 'http2') return undefined;
  const problem = `port ${port} of ${host} speaks ${found.protocol}, and the provider "${name}" is asked over gRPC`;
  return { problem, remedy: 'name the port grpc, or give it the appProtocol grpc' };
}
