// The body of a WasmPlugin or TrafficExtension: one filter, the workloads it is for, and where in their chains it stands.
import type { JsonObject } from '@bufbuild/protobuf';
import type { TextMap } from '../../values/shapes.ts';

/** In the order in which a request passes them: before who the peer is, before what it may, and before what counts requests. */
export type ExtensionPhase = 'AUTHN' | 'AUTHZ' | 'STATS' | 'UNSPECIFIED';

/** Traffic that passes the filter: CLIENT leaves the workload, or passes a gateway; SERVER arrives at it. */
export interface TrafficSelector {
  readonly mode: 'CLIENT' | 'SERVER' | 'CLIENT_AND_SERVER';
  /** Of the service outbound, of the workload inbound, of the Gateway's server; empty: all. */
  readonly ports: readonly number[];
}

export interface EnvironmentSpec {
  /** Names of variables whose values are those of the proxy. */
  readonly fromHost: readonly string[];
  readonly inline: TextMap;
}

export interface WasmFilterSpec {
  readonly kind: 'wasm';
  readonly type: 'HTTP' | 'NETWORK';
  /** `file:///PATH`, `http://…`, `https://…`, or `oci://HOST/REPOSITORY[:TAG][@sha256:DIGEST]`. */
  readonly url: string;
  /** 64 hexadecimal digits: of the module, of the image's manifest, or of the file that was fetched. */
  readonly sha256?: string;
  readonly imagePullPolicy: 'IfNotPresent' | 'Always';
  /** Name of a Secret in the same namespace. */
  readonly imagePullSecret?: string;
  readonly pluginConfig?: JsonObject;
  readonly pluginName: string;
  readonly failStrategy: 'FAIL_CLOSE' | 'FAIL_OPEN' | 'FAIL_RELOAD';
  readonly environment: EnvironmentSpec;
}

export interface LuaFilterSpec {
  readonly kind: 'lua';
  readonly inlineCode: string;
}

export interface ExtensionSpec {
  /** Labels of the workloads; absent: all of the namespace, or of the mesh in the root namespace. */
  readonly selector?: TextMap;
  /** Names of Kubernetes Gateways in the same namespace whose proxies this is for. */
  readonly targetGateways: readonly string[];
  readonly phase: ExtensionPhase;
  /** Of one phase those with higher ones come first; equal ones by namespace and name. */
  readonly priority: number;
  /** One of these must hold; empty: all traffic. */
  readonly match: readonly TrafficSelector[];
  readonly filter: WasmFilterSpec | LuaFilterSpec;
}
