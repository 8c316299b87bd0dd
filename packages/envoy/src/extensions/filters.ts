// Extensions as Envoy's filters. The rule: a module is named by where it comes from; who runs the proxy fetches it and puts a file in its place.
import { create } from '@bufbuild/protobuf';
import { type Any, StringValueSchema } from '@bufbuild/protobuf/wkt';
import type { LuaFilterSpec, WasmFilterSpec } from '@xebec/config';
import { anyOf } from '@xebec/protos';
import { AsyncDataSourceSchema } from '@xebec/protos/envoy/config/core/v3/base_pb';
import { LuaSchema } from '@xebec/protos/envoy/extensions/filters/http/lua/v3/lua_pb';
import { WasmSchema } from '@xebec/protos/envoy/extensions/filters/http/wasm/v3/wasm_pb';
import { WasmSchema as NetworkWasmSchema } from '@xebec/protos/envoy/extensions/filters/network/wasm/v3/wasm_pb';
import {
  FailurePolicy,
  PluginConfigSchema,
  VmConfigSchema,
} from '@xebec/protos/envoy/extensions/wasm/v3/wasm_pb';
import { durationOf } from '../duration.ts';

export interface WasmOptions {
  readonly name: string;
  /** Credentials for the registry; they go no further than to who fetches the module. */
  readonly pullSecret?: string | undefined;
  /** Another one whenever the object is. */
  readonly objectVersion: string;
}

/** Istio's words for what its agents are told about a module. */
export const moduleVariables = {
  pullSecret: 'ISTIO_META_WASM_IMAGE_PULL_SECRET',
  pullPolicy: 'ISTIO_META_WASM_IMAGE_PULL_POLICY',
  objectVersion: 'ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION',
} as const;

const policies: Readonly<Record<WasmFilterSpec['failStrategy'], FailurePolicy>> = {
  FAIL_CLOSE: FailurePolicy.FAIL_CLOSED,
  FAIL_OPEN: FailurePolicy.FAIL_OPEN,
  FAIL_RELOAD: FailurePolicy.FAIL_RELOAD,
};

export function luaFilter({ inlineCode }: LuaFilterSpec): Any {
  return anyOf(LuaSchema, {
    defaultSourceCode: { specifier: { case: 'inlineString', value: inlineCode } },
  });
}

export function wasmFilter(spec: WasmFilterSpec, options: WasmOptions): Any {
  const { pluginConfig } = spec;
  const config = create(PluginConfigSchema, {
    name: options.name,
    rootId: spec.pluginName,
    failurePolicy: policies[spec.failStrategy],
    vm: { case: 'vmConfig', value: vmOf(spec, options) },
    ...(pluginConfig === undefined
      ? {}
      : { configuration: anyOf(StringValueSchema, { value: JSON.stringify(pluginConfig) }) }),
  });
  return spec.type === 'HTTP' ? anyOf(WasmSchema, { config }) : anyOf(NetworkWasmSchema, { config });
}

/** One machine for each extension: what modules share among themselves is no way from one to another. */
function vmOf(spec: WasmFilterSpec, { name, pullSecret, objectVersion }: WasmOptions) {
  const { environment, imagePullPolicy } = spec;
  return create(VmConfigSchema, {
    vmId: name,
    runtime: 'envoy.wasm.runtime.v8',
    code: codeOf(spec),
    environmentVariables: {
      hostEnvKeys: [...environment.fromHost],
      keyValues: {
        ...environment.inline,
        [moduleVariables.pullPolicy]: imagePullPolicy,
        [moduleVariables.objectVersion]: objectVersion,
        ...(pullSecret === undefined ? {} : { [moduleVariables.pullSecret]: pullSecret }),
      },
    },
  });
}

/** How long one attempt may take. */
const fetchTimeoutMs = 30_000;

/** Without a sum a file is what it is; with one somebody has to look first. */
function codeOf({ url, sha256 }: WasmFilterSpec) {
  if (url.startsWith('file://') && sha256 === undefined) {
    const value = { specifier: { case: 'filename' as const, value: url.slice('file://'.length) } };
    return create(AsyncDataSourceSchema, { specifier: { case: 'local', value } });
  }
  const httpUri = {
    uri: url,
    timeout: durationOf(fetchTimeoutMs),
    httpUpstreamType: { case: 'cluster' as const, value: '_' },
  };
  const value = { httpUri, sha256: sha256 ?? 'nil' };
  return create(AsyncDataSourceSchema, { specifier: { case: 'remote', value } });
}
