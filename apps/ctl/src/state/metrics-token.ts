// Who may read the metrics of a mesh: a token in its state directory, made once, for its owner's eyes only.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MetricsAccess } from '@xebec/ca';
import { runDirectory } from './state-directory.ts';

const metricsTokenFile = (state: string): string => join(runDirectory(state), 'metrics.token');

/** The token of a mesh; undefined where it has none, or it may not be read. */
export function readMetricsToken(state: string): string | undefined {
  try {
    return readFileSync(metricsTokenFile(state), 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Makes the token where there is none; where none can be kept, nobody may read. */
export function metricsAccessOf(state: string | undefined, isOpen: boolean): MetricsAccess | undefined {
  if (isOpen) return 'open';
  if (state === undefined) return undefined;
  const token = readMetricsToken(state) ?? makeToken(state) ?? readMetricsToken(state);
  return token === undefined ? undefined : { token };
}

/** Undefined when somebody else was first, or nothing can be written. */
function makeToken(state: string): string | undefined {
  const token = randomBytes(32).toString('base64url');
  try {
    mkdirSync(runDirectory(state), { recursive: true, mode: 0o700 });
    writeFileSync(metricsTokenFile(state), `${token}\n`, { mode: 0o600, flag: 'wx' });
    return token;
  } catch {
    return undefined;
  }
}
