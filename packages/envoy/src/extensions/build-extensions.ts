// The configuration of each extension's filter as a resource of its own, fetched by name: it changes while connections go on.
import type { ExtensionSpec } from '@xebec/config';
import type { Collection, Graph } from '@xebec/flow';
import type { Extension } from '@xebec/mesh';
import type { ObjectKey } from '@xebec/model';
import { TypedExtensionConfigSchema } from '@xebec/protos/envoy/config/core/v3/extension_pb';
import { hashText } from '@xebec/std';
import type { ResourceInputs } from '../inputs.ts';
import {
  type Emission,
  type EncodedResource,
  encodeResource,
  equalResources,
  type ResourceKey,
} from '../resource.ts';
import { byHost } from './by-host.ts';
import { luaFilter, wasmFilter } from './filters.ts';
import { portsAt } from './insertion.ts';
import { byHostName, extensionLayer, extensionName, meshExtensionLayer } from './names.ts';

export function buildExtensions(
  graph: Graph,
  { extensions, pullSecrets, settings }: Pick<ResourceInputs, 'extensions' | 'pullSecrets' | 'settings'>,
): Collection<ResourceKey, EncodedResource> {
  return graph.derive({
    name: 'extensionConfigs',
    from: extensions,
    reads: { pullSecrets, settings },
    fn: (extension, key: ObjectKey, read) => {
      const { namespace } = extension.metadata;
      const secret = secretOf(extension);
      const filter = filterOf(extension, secret === undefined ? undefined : read.pullSecrets.get(secret));
      const isMeshWide = namespace === read.settings.get('mesh')?.rootNamespace;
      const layer = isMeshWide ? meshExtensionLayer : extensionLayer(namespace);
      const name = extensionName(extension);
      const ports = portsAt(extension, 'SIDECAR_OUTBOUND') ?? [];
      const named = [
        { name, typedConfig: filter },
        ...(ports.length === 0 ? [] : [{ name: byHostName(name), typedConfig: byHost(name, filter, ports) }]),
      ];
      return named.map(
        (each): Emission => [
          `${layer}|${each.name}`,
          encodeResource(TypedExtensionConfigSchema, each, {
            name: each.name,
            causes: [{ object: key, field: 'spec' }],
          }),
        ],
      );
    },
    equals: equalResources,
  });
}

function secretOf({ metadata, spec: { filter } }: Extension): ObjectKey | undefined {
  if (filter.kind === 'lua' || filter.imagePullSecret === undefined) return undefined;
  return `Secret/${metadata.namespace}/${filter.imagePullSecret}`;
}

function filterOf(extension: Extension, pullSecret: string | undefined) {
  const { filter }: ExtensionSpec = extension.spec;
  if (filter.kind === 'lua') return luaFilter(filter);
  const objectVersion = hashText(JSON.stringify(extension.manifest));
  return wasmFilter(filter, { name: extensionName(extension), pullSecret, objectVersion });
}
