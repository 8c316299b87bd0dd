// The body of an EnvoyFilter: ordered changes to configuration that is made for chosen proxies.
import type { JsonObject } from '@bufbuild/protobuf';
import type { TextMap } from '../../values/shapes.ts';

/** What kind of configuration a patch changes. */
export type PatchTarget =
  | 'LISTENER'
  | 'LISTENER_FILTER'
  | 'FILTER_CHAIN'
  | 'NETWORK_FILTER'
  | 'HTTP_FILTER'
  | 'ROUTE_CONFIGURATION'
  | 'VIRTUAL_HOST'
  | 'HTTP_ROUTE'
  | 'CLUSTER'
  | 'EXTENSION_CONFIG'
  | 'BOOTSTRAP';

export type PatchOperation =
  | 'MERGE'
  | 'ADD'
  | 'REMOVE'
  | 'INSERT_BEFORE'
  | 'INSERT_AFTER'
  | 'INSERT_FIRST'
  | 'REPLACE';

export type PatchContext = 'ANY' | 'SIDECAR_INBOUND' | 'SIDECAR_OUTBOUND' | 'GATEWAY';

/** Where `ADD` puts a filter: after authentication, after authorization, or before what counts requests. */
export type FilterClass = 'UNSPECIFIED' | 'AUTHN' | 'AUTHZ' | 'STATS';

export interface ListenerMatch {
  readonly name?: string;
  readonly portNumber?: number;
  /** Name of a listener filter. */
  readonly listenerFilter?: string;
  readonly filterChain?: FilterChainMatchSpec;
}

export interface FilterChainMatchSpec {
  readonly name?: string;
  readonly sni?: string;
  readonly transportProtocol?: string;
  /** All of these must be among those of the chain. */
  readonly applicationProtocols: readonly string[];
  readonly destinationPort?: number;
  /** Name of a network filter. */
  readonly filter?: string;
  /** Name of an HTTP filter inside it. */
  readonly subFilter?: string;
}

export interface RouteMatchSpec {
  /** Name of the route configuration. */
  readonly name?: string;
  readonly portNumber?: number;
  readonly portName?: string;
  /** `NAMESPACE/NAME`. */
  readonly gateway?: string;
  readonly virtualHost?: string;
  readonly domain?: string;
  readonly route?: {
    readonly name?: string;
    readonly action: 'ANY' | 'ROUTE' | 'REDIRECT' | 'DIRECT_RESPONSE';
  };
}

export interface ClusterMatch {
  readonly name?: string;
  readonly portNumber?: number;
  readonly service?: string;
  readonly subset?: string;
}

export interface PatchMatch {
  readonly context: PatchContext;
  readonly proxy?: {
    /** RE2, on the whole version. */ readonly version?: string;
    readonly metadata: TextMap;
  };
  readonly listener?: ListenerMatch;
  readonly route?: RouteMatchSpec;
  readonly cluster?: ClusterMatch;
}

export interface ConfigPatch {
  readonly applyTo: PatchTarget;
  readonly match: PatchMatch;
  readonly operation: PatchOperation;
  readonly filterClass: FilterClass;
  /** Protobuf JSON of the message that `applyTo` names; absent for REMOVE. */
  readonly value?: JsonObject;
}

export interface EnvoyFilterSpec {
  /** Labels of the proxies; absent: all of the namespace, or of the mesh in the root namespace. */
  readonly workloadSelector?: TextMap;
  /** Names of Kubernetes Gateways in the same namespace whose proxies this is for. */
  readonly targetGateways: readonly string[];
  /** Lower ones are applied first; the same priority in order of namespace and name. */
  readonly priority: number;
  readonly patches: readonly ConfigPatch[];
}
