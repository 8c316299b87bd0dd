// For whom a match holds: clients at some gateways, or sidecars of one namespace or with some labels. Decided when routes are built, never per request.
import type { HttpMatchSpec } from '@xebec/config';
import { isSelected, type Labels } from './label-selectors.ts';

/** `mesh`, or a Gateway as `NAMESPACE/NAME`. */
export type GatewayName = string;

export const expandGateway = (name: string, namespace: string): GatewayName =>
  name === 'mesh' || name.includes('/') ? name : `${namespace}/${name}`;

export interface MatchSource {
  /** Empty: all gateways of the VirtualService. */
  readonly gateways: readonly GatewayName[];
  /** Sidecars of this namespace only; clients of gateways never. */
  readonly namespace?: string;
  /** Sidecars of clients that hold all of these only; clients of gateways never. Absent rather than empty. */
  readonly labels?: Labels;
}

/** Who asks for rules: a gateway, or the sidecars of a namespace (`mesh`; absent: of every namespace). */
export interface RuleClient {
  readonly gateway: GatewayName;
  readonly namespace?: string;
  /** What is known of the clients' labels. */
  readonly labels?: Labels;
}

export const sourceOf = (
  { gateways, sourceNamespace, sourceLabels }: HttpMatchSpec,
  namespace: string,
): MatchSource => ({
  gateways: gateways.map((name) => expandGateway(name, namespace)),
  ...(Object.keys(sourceLabels).length === 0 ? {} : { labels: sourceLabels }),
  ...(sourceNamespace === undefined ? {} : { namespace: sourceNamespace }),
});

/** A match that names a gateway holds there whatever its other sources are; those are for sidecars. */
export function isFor({ gateways, namespace, labels }: MatchSource, client: RuleClient): boolean {
  if (gateways.length > 0 && !gateways.includes(client.gateway)) return false;
  if (client.gateway !== 'mesh') return gateways.length > 0 || (namespace ?? labels) === undefined;
  return (
    (namespace === undefined || namespace === client.namespace) &&
    isSelected(labels ?? {}, client.labels ?? {})
  );
}
