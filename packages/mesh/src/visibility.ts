// Who sees an object: `exportTo` as layers, and which of several values a namespace sees.
import type { ExportTo } from '@xebec/config';
import type { Layer } from '@xebec/model';
import { namespaceOfLayer } from '@xebec/model';
import { compareText } from './host-names.ts';
import type { ExportedRule } from './host-rules.ts';
import type { MeshSettings } from './settings.ts';

const everybody: ExportTo = ['*'];

/** The layers an object is exported to, sorted; empty for `~`. `usual` holds for who does not say it. */
export function layersOf(
  written: ExportTo,
  namespace: string,
  usual: ExportTo = everybody,
): readonly Layer[] {
  const exportTo = written.length === 0 ? usual : written;
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

/** Whom a VirtualService is exported to. Those of the root namespace are for everybody. */
export function exportOf(
  written: ExportTo,
  namespace: string,
  { exportTo, rootNamespace }: MeshSettings,
): Pick<ExportedRule, 'layers' | 'isExported'> {
  const usual = exportTo?.virtualServices;
  const isExported = written.length > 0 || usual !== undefined || namespace === rootNamespace;
  return { layers: layersOf(written, namespace, usual), isExported };
}

/**
 * Where a rule counts for a host: as it is exported; but where nothing says that, a rule for a host of another
 * namespace (or of nobody) is for clients of its own namespace alone.
 */
export const layersFor = (
  { layers, namespace, isExported }: ExportedRule,
  owner: string | undefined,
): readonly Layer[] =>
  isExported || owner === namespace || layers.length === 0 ? layers : [`ns:${namespace}`];
