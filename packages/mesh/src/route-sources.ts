// For whom a match holds: clients at some gateways, or sidecars of one namespace. Decided when routes are built, never per request.
import type { HttpMatchSpec } from '@xebec/config';

/** `mesh`, or a Gateway as `NAMESPACE/NAME`. */
export type GatewayName = string;

export const expandGateway = (name: string, namespace: string): GatewayName =>
  name === 'mesh' || name.includes('/') ? name : `${namespace}/${name}`;

export interface MatchSource {
  /** Empty: all gateways of the VirtualService. */
  readonly gateways: readonly GatewayName[];
  /** Sidecars of this namespace only; clients of gateways never. */
  readonly namespace?: string;
}

/** Who asks for rules: a gateway, or the sidecars of a namespace (`mesh`; absent: of every namespace). */
export interface RuleClient {
  readonly gateway: GatewayName;
  readonly namespace?: string;
}

export const sourceOf = ({ gateways, sourceNamespace }: HttpMatchSpec, namespace: string): MatchSource => ({
  gateways: gateways.map((name) => expandGateway(name, namespace)),
  ...(sourceNamespace === undefined ? {} : { namespace: sourceNamespace }),
});

/** A match that names a gateway holds there whatever its other sources are; those are for sidecars. */
export function isFor({ gateways, namespace }: MatchSource, client: RuleClient): boolean {
  if (gateways.length > 0 && !gateways.includes(client.gateway)) return false;
  if (client.gateway !== 'mesh') return gateways.length > 0 || namespace === undefined;
  return namespace === undefined || namespace === client.namespace;
}
