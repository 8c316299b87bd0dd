// What a search for Envoy works with.

import type { RunCommand } from '../run-command.ts';
import type { EnvoyPin } from './pin.ts';

export interface EnvoyProgress {
  readonly step: 'search' | 'download' | 'unpack' | 'verify' | 'installed' | 'found';
  readonly detail: string;
}

export interface EnvoySearch {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cacheDirectory: string;
  /** `linux-x64` and its like. */
  readonly platform: string;
  /** What may be installed on this platform; nothing when undefined. */
  readonly pin: EnvoyPin | undefined;
  readonly run: RunCommand;
  readonly onProgress: (progress: EnvoyProgress) => void;
}

export function report(search: EnvoySearch, step: EnvoyProgress['step'], detail: string): void {
  search.onProgress({ step, detail });
}
