// Who sees an object: `exportTo` as layers, and which of several values a namespace sees.
import type { ExportTo } from '@xebec/config';
import type { Layer } from '@xebec/model';
import { namespaceOfLayer } from '@xebec/model';
import { compareText } from './host-names.ts';

/** The layers an object is exported to, sorted; empty for `~`. */
export function layersOf(exportTo: ExportTo, namespace: string): readonly Layer[] {
  if (exportTo.includes('*')) return ['*'];
  const layers = exportTo.filter((to) => to !== '~').map((to): Layer => `ns:${to === '.' ? namespace : to}`);
  return [...new Set(layers)].sort(compareText);
}

/** Whether clients of a layer see an object with these layers; the shared layer sees only what everybody does. */
export const isVisible = (layers: readonly Layer[], to: Layer): boolean =>
  layers.includes('*') || (to !== '*' && layers.includes(`ns:${namespaceOfLayer(to) ?? ''}`));

/** Sorted, the shared layer first. */
export const sortLayers = (layers: Iterable<Layer>): readonly Layer[] =>
  [...new Set(layers)].sort(compareText);

/** The namespace of a layer's clients; none for the shared one. */
export const namespaceOf = namespaceOfLayer;
