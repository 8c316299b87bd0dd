// Which workloads a security policy is for: those with its labels, or the proxies of the Gateways that it targets.
import type { ObjectKey } from '@xebec/model';
import { compareText } from './host-names.ts';
import {
  anchorOfSelector,
  anchorsOfLabels,
  isSelected,
  type Labels,
  type SelectorAnchor,
} from './label-selectors.ts';
import type { AnchorLookup } from './lookups.ts';

/** A Gateway of the Kubernetes API has proxies of its own, and this is their label. */
const gatewayLabel = 'gateway.networking.k8s.io/gateway-name';

export interface PolicySelection {
  /** Of the policy. */
  readonly namespace: string;
  readonly selector: Labels;
  /** Instead of a selector; these are in the policy's own namespace. */
  readonly targetGateways: readonly string[];
}

export const selectionOf = (
  namespace: string,
  spec: { readonly selector?: Labels; readonly targetGateways: readonly string[] },
): PolicySelection => ({
  namespace,
  selector: spec.selector ?? {},
  targetGateways: spec.targetGateways,
});

export function anchorsOfPolicy({
  namespace,
  selector,
  targetGateways,
}: PolicySelection): readonly SelectorAnchor[] {
  if (targetGateways.length === 0) return [anchorOfSelector(namespace, selector)];
  return targetGateways.map((name) => anchorOfSelector(namespace, { [gatewayLabel]: name }));
}

export function isPolicyFor(
  { namespace, selector, targetGateways }: PolicySelection,
  workload: { readonly namespace: string; readonly labels: Labels },
): boolean {
  if (targetGateways.length === 0) return isSelected(selector, workload.labels);
  const name = workload.labels[gatewayLabel];
  return namespace === workload.namespace && name !== undefined && targetGateways.includes(name);
}

/** Those of the root namespace and of its own that are for a workload, by their names. */
export function policiesFor<P extends PolicySelection>(
  bySelector: AnchorLookup<SelectorAnchor, ObjectKey, P>,
  workload: { readonly namespace: string; readonly labels: Labels },
  rootNamespace: string,
): readonly P[] {
  return [...new Set([rootNamespace, workload.namespace])]
    .flatMap((where) => anchorsOfLabels(where, workload.labels))
    .flatMap((anchor) => bySelector.at(anchor))
    .filter(([, policy]) => isPolicyFor(policy, workload))
    .sort(([left], [right]) => compareText(left, right))
    .map(([, policy]) => policy);
}
