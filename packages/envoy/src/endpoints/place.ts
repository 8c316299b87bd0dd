// Where a client is: what settings of locality look at, and nothing else of it.
import type { Locality } from '@xebec/model';

/** What of a client some destination's locality setting looks at. */
export interface Place {
  readonly key: PlaceKey;
  readonly locality?: Locality;
  readonly node?: string;
  /** Where gateways lead from one network to another. */
  readonly network?: string;
  /** It stands for all places of its network: what else of a client counts is looked up elsewhere. */
  readonly isNetwork?: true;
  /** Values of the labels that a setting names. */
  readonly labels: Readonly<Record<string, string>>;
}
/** Safe inside a layer's name. */
export type PlaceKey = string;

/** The place of everybody in a network. */
export const networkPlace = (network: string): Place => ({
  key: `network=${encodeURIComponent(network)}`,
  network,
  isNetwork: true,
  labels: {},
});

/** What somebody says about himself by label, or in ways of his own. */
interface Labelled {
  readonly labels: Readonly<Record<string, string>>;
  readonly locality?: Locality;
  readonly network: string;
  readonly node?: string;
}

/** The value of a label, also of those that stand for where something runs. */
export function labelOf(key: string, { labels, locality, network, node }: Labelled): string | undefined {
  switch (key) {
    case 'topology.istio.io/network':
      return network;
    case 'topology.kubernetes.io/region':
      return locality?.region;
    case 'topology.kubernetes.io/zone':
      return locality?.zone;
    case 'topology.istio.io/subzone':
      return locality?.subzone;
    case 'kubernetes.io/hostname':
      return node;
    default:
      return Object.hasOwn(labels, key) ? labels[key] : undefined;
  }
}
