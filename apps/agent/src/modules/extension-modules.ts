// A filter's configuration that names a module, with a file of the proxy's in its place. What only the agent is told is taken out.
import { create, fromBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { anyOf, encodeAny } from '@xebec/protos';
import { AsyncDataSourceSchema } from '@xebec/protos/envoy/config/core/v3/base_pb';
import { TypedExtensionConfigSchema } from '@xebec/protos/envoy/config/core/v3/extension_pb';
import {
  type ExtensionWithMatcher,
  ExtensionWithMatcherSchema,
} from '@xebec/protos/envoy/extensions/common/matching/v3/extension_matcher_pb';
import { type Wasm, WasmSchema } from '@xebec/protos/envoy/extensions/filters/http/wasm/v3/wasm_pb';
import {
  type Wasm as NetworkWasm,
  WasmSchema as NetworkWasmSchema,
} from '@xebec/protos/envoy/extensions/filters/network/wasm/v3/wasm_pb';
import type { VmConfig } from '@xebec/protos/envoy/extensions/wasm/v3/wasm_pb';
import type { ModuleRequest } from './module-request.ts';
import { connectionStandIn, requestStandIn } from './stand-in.ts';

export interface ExtensionModule {
  readonly request: ModuleRequest;
  /** The configuration with the file as its code. */
  readonly withFile: (file: string) => Any;
  /** What is there instead as long as there is no module. */
  readonly standIn: () => Any;
}

const variables = {
  secret: 'ISTIO_META_WASM_IMAGE_PULL_SECRET',
  policy: 'ISTIO_META_WASM_IMAGE_PULL_POLICY',
  version: 'ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION',
} as const;

/** The module that an extension configuration needs; undefined when it needs none. */
export function moduleOf(extension: Any): ExtensionModule | undefined {
  const outer = fromBinary(TypedExtensionConfigSchema, extension.value);
  const { typedConfig } = outer;
  if (typedConfig === undefined) return undefined;
  const found = inFilter(typedConfig);
  if (found === undefined) return undefined;
  const pack = (config: Any): Any =>
    anyOf(TypedExtensionConfigSchema, { name: outer.name, typedConfig: config });
  return {
    request: found.request,
    withFile: (file) => pack(found.withFile(file)),
    standIn: () => pack(found.standIn()),
  };
}

function inFilter(config: Any): ExtensionModule | undefined {
  if (config.typeUrl.endsWith(ExtensionWithMatcherSchema.typeName)) return inMatcher(config);
  const isHttp = config.typeUrl.endsWith(`/${WasmSchema.typeName}`);
  if (!isHttp && !config.typeUrl.endsWith(`/${NetworkWasmSchema.typeName}`)) return undefined;
  const filter = isHttp ? fromBinary(WasmSchema, config.value) : fromBinary(NetworkWasmSchema, config.value);
  const { config: plugin } = filter;
  const vm = plugin?.vm.case === 'vmConfig' ? plugin.vm.value : undefined;
  const request = vm === undefined ? undefined : requestOf(vm);
  if (plugin === undefined || vm === undefined || request === undefined) return undefined;
  return {
    request,
    withFile(file) {
      putFile(vm, file);
      return packed(filter);
    },
    standIn: () => (isHttp ? requestStandIn(plugin) : connectionStandIn(plugin)),
  };
}

const packed = (filter: Wasm | NetworkWasm): Any =>
  filter.$typeName === WasmSchema.typeName
    ? encodeAny(WasmSchema, filter as Wasm)
    : encodeAny(NetworkWasmSchema, filter as NetworkWasm);

function inMatcher(config: Any): ExtensionModule | undefined {
  const matcher = fromBinary(ExtensionWithMatcherSchema, config.value);
  const inner = matcher.extensionConfig?.typedConfig;
  const found = inner === undefined ? undefined : inFilter(inner);
  if (found === undefined) return undefined;
  return {
    request: found.request,
    withFile: (file) => around(matcher, found.withFile(file)),
    standIn: () => around(matcher, found.standIn()),
  };
}

function around(matcher: ExtensionWithMatcher, inner: Any): Any {
  if (matcher.extensionConfig !== undefined) matcher.extensionConfig.typedConfig = inner;
  return encodeAny(ExtensionWithMatcherSchema, matcher);
}

function requestOf({ code, environmentVariables }: VmConfig): ModuleRequest | undefined {
  const from = sourceOf(code);
  if (from === undefined) return undefined;
  const values = environmentVariables?.keyValues ?? {};
  return {
    ...from,
    pullPolicy: values[variables.policy] === 'Always' ? 'Always' : 'IfNotPresent',
    objectVersion: values[variables.version] ?? '',
    pullSecret: values[variables.secret],
  };
}

function sourceOf(code: VmConfig['code']): Pick<ModuleRequest, 'url' | 'sha256'> | undefined {
  const source = code?.specifier;
  if (source?.case === 'local') {
    const { specifier } = source.value;
    return specifier.case === 'filename'
      ? { url: `file://${specifier.value}`, sha256: undefined }
      : undefined;
  }
  if (source?.case !== 'remote' || source.value.httpUri === undefined) return undefined;
  const { sha256, httpUri } = source.value;
  return { url: httpUri.uri, sha256: /^[0-9a-f]{64}$/.test(sha256) ? sha256 : undefined };
}

function putFile(vm: VmConfig, filename: string): void {
  const value = { specifier: { case: 'filename' as const, value: filename } };
  vm.code = create(AsyncDataSourceSchema, { specifier: { case: 'local', value } });
  const values = vm.environmentVariables?.keyValues ?? {};
  for (const name of Object.values(variables)) delete values[name];
}
