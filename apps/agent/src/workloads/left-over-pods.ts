// Pods that an agent which was killed left in the store: they are of this machine, and nothing stands behind them.
import type { Manifest } from '../control/control-client.ts';
import { isRecord } from '../control/object-watch.ts';
import { templateHashLabel } from './pod-manifest.ts';

/** Whether an agent with this node name made the Pod. */
export function isLeftOver(object: Manifest, nodeName: string): boolean {
  const { metadata, spec } = object;
  if (!isRecord(spec) || spec['nodeName'] !== nodeName || !isRecord(metadata)) return false;
  return isRecord(metadata['labels']) && templateHashLabel in metadata['labels'];
}
