// Keys and stacks of layers. The rule: the most specific layer that has a name supplies it.
import type { EncodedResource, LayerUse, ResourceKey } from '../types.ts';

/** Layers from most to least specific; equal keys mean equal content. */
export interface LayerStack {
  readonly key: string;
  readonly layers: readonly LayerUse[];
  /** Every layer is pushed whole to wildcard subscribers. */
  readonly isAll: boolean;
}

/** One client's layers of one type: few own ones over the ones it has in common with others. */
export interface LayerView {
  readonly layers: readonly LayerUse[];
  readonly own: LayerStack;
  readonly common: LayerStack;
  readonly hasNeeded: boolean;
  /** The layers of both that are pushed whole. */
  readonly whole: readonly LayerStack[];
  /** No layer that is not pushed whole is more specific than one that is. */
  readonly isWholeFirst: boolean;
}

export const keyOf = (layer: string, name: string): ResourceKey => `${layer}|${name}`;
export const layerOf = (key: ResourceKey): string => key.slice(0, key.indexOf('|'));

function createStack(layers: readonly LayerUse[]): LayerStack {
  return {
    key: layers.map((use) => `${use.layer}\n${use.members}\n${use.shows?.key ?? ''}`).join('\n'),
    layers,
    isAll: layers.every((use) => use.members === 'all'),
  };
}

const noStack = createStack([]);

/** Splits the layers before the first one with many members: from there on the work is shared between streams. */
export function createLayerView(layers: readonly LayerUse[], isLarge: (layer: string) => boolean): LayerView {
  const found = layers.findIndex((use) => isLarge(use.layer));
  const split = found < 0 ? layers.length : found;
  const own = split === 0 ? noStack : createStack(split === layers.length ? layers : layers.slice(0, split));
  const common = split === layers.length ? noStack : createStack(split === 0 ? layers : layers.slice(split));
  const firstNeeded = layers.findIndex((use) => use.members === 'needed');
  return {
    layers,
    own,
    common,
    hasNeeded: firstNeeded >= 0,
    whole: [own, common].map(wholeOf).filter((stack) => stack.layers.length > 0),
    isWholeFirst: firstNeeded < 0 || layers.slice(firstNeeded).every((use) => use.members === 'needed'),
  };
}

const wholeOf = (stack: LayerStack): LayerStack =>
  stack.isAll ? stack : createStack(stack.layers.filter((use) => use.members === 'all'));

export const sameUse = (left: LayerUse, right: LayerUse | undefined): boolean =>
  left.layer === right?.layer && left.members === right.members && left.shows?.key === right.shows?.key;

export const sameLayers = (left: readonly LayerUse[], right: readonly LayerUse[]): boolean =>
  left.length === right.length && left.every((use, i) => sameUse(use, right[i]));

/** Whether a use of a layer lets a resource in it be seen. */
export const isShown = ({ shows }: LayerUse, { owners }: EncodedResource): boolean =>
  shows === undefined || owners === undefined || owners.some((owner) => shows.includes(owner));
