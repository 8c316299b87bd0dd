// Bundles of other meshes on disk, as they were sent.
import { type KeptMap, openKeptMap } from '../outbound/kept-map.ts';

export interface KeptBundle {
  readonly text: string;
  readonly fetchedAtMs: number;
}

export type BundleStore = KeptMap<string, KeptBundle>;

/** Without a file they live as long as the process. */
export const openBundleStore = (file: string | undefined, onFault: (error: unknown) => void): BundleStore =>
  openKeptMap({ file, onFault, read: (_key, written) => keptIn(written) });

function keptIn(written: object): KeptBundle | undefined {
  if (!('text' in written) || !('fetchedAtMs' in written)) return undefined;
  const { text, fetchedAtMs } = written;
  return typeof text === 'string' && typeof fetchedAtMs === 'number' ? { text, fetchedAtMs } : undefined;
}
