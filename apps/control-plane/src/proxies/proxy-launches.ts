// How a proxy is started: what ProxyConfigs and the mesh's `defaultConfig` say of it, the nearest first.
import { mergeLaunches, type ObjectOf, type ProxyLaunch } from '@xebec/config';
import type { Graph } from '@xebec/flow';
import type { ObjectKey } from '@xebec/model';
import type { Store } from '@xebec/store';

type ProxyConfig = ObjectOf<'ProxyConfig'>;

/** A workload whose proxy is about to start. */
export interface StartingProxy {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

export type LaunchOf = (proxy: StartingProxy) => ProxyLaunch;

/**
 * Field by field: the workload's own ProxyConfig, its namespace's, the root namespace's, `MeshConfig.defaultConfig`.
 * Of several alike the first by name holds. It is asked at a start only: what runs goes on as it was started.
 */
export function launchesOf(
  graph: Graph,
  store: Pick<Store, 'source'>,
  rootNamespace: () => string,
): LaunchOf {
  const configMaps = store.source('ConfigMap');
  const byNamespace = graph.index(store.source('ProxyConfig'), 'namespace', ({ metadata }) => [
    metadata.namespace,
  ]);
  return ({ namespace, labels }) => {
    const root = rootNamespace();
    const own = [...byNamespace.at(namespace)];
    const shared = namespace === root ? [] : [...byNamespace.at(root)];
    const found = [
      firstOf(own, ({ selector }) => selector !== undefined && holds(selector, labels)),
      firstOf(own, ({ selector }) => selector === undefined),
      firstOf(shared, ({ selector }) => selector === undefined),
      configMaps.get(`ConfigMap/${root}/istio`)?.spec.mesh?.proxyLaunch,
    ];
    return found
      .filter((launch) => launch !== undefined)
      .reduce<ProxyLaunch>((nearer, wider) => mergeLaunches(nearer, wider), { environment: {} });
  };
}

const holds = (selector: Readonly<Record<string, string>>, labels: StartingProxy['labels']): boolean =>
  Object.entries(selector).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);

function firstOf(
  configs: readonly (readonly [ObjectKey, ProxyConfig])[],
  isMeant: (spec: ProxyConfig['spec']) => boolean,
): ProxyLaunch | undefined {
  const keyed = configs.filter(([, { spec }]) => isMeant(spec));
  const [first] = keyed.sort(([left], [right]) => (left < right ? -1 : 1));
  return first?.[1].spec;
}
