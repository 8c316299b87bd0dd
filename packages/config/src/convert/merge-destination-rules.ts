// One DestinationRule a host: an egress rule that begins TLS and a policy for the same host say it together.
import { isMap } from '../values/plain-map.ts';
import type { Manifest } from './sources.ts';

const hostOf = (manifest: Manifest): string | undefined => {
  const { metadata, spec } = manifest;
  if (manifest['kind'] !== 'DestinationRule' || !isMap(metadata) || !isMap(spec)) return undefined;
  return `${metadata['namespace']}/${spec['host']}`;
};

/** Keeps the first of each host, with what the others add. */
export function mergeDestinationRules(manifests: readonly Manifest[]): readonly Manifest[] {
  const byHost = new Map<string, Manifest>();
  for (const manifest of manifests) {
    const host = hostOf(manifest);
    if (host === undefined) continue;
    const before = byHost.get(host);
    byHost.set(host, before === undefined ? manifest : merged(before, manifest));
  }
  const written = new Set<string>();
  return manifests.flatMap((manifest) => {
    const host = hostOf(manifest);
    if (host === undefined) return [manifest];
    if (written.has(host)) return [];
    written.add(host);
    return [byHost.get(host) ?? manifest];
  });
}

const mapAt = (value: unknown, key: string): Manifest => {
  const inner = isMap(value) ? value[key] : undefined;
  return isMap(inner) ? inner : {};
};

/** A port's own settings inherit nothing, so they get the policy of the host. */
function merged(origination: Manifest, policy: Manifest): Manifest {
  const { portLevelSettings } = mapAt(origination['spec'], 'trafficPolicy');
  const shared = mapAt(policy['spec'], 'trafficPolicy');
  const ports = Array.isArray(portLevelSettings) ? portLevelSettings.filter(isMap) : [];
  const trafficPolicy = { ...shared, portLevelSettings: ports.map((port) => ({ ...shared, ...port })) };
  return { ...policy, spec: { ...mapAt(policy, 'spec'), trafficPolicy } };
}
