// The bundle of this mesh as others get it: made from what is trusted now, with a number that grows whenever that changes, also over restarts.

import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type MeshAuthority, publicationKey, writeSpiffeBundle } from '@xebec/ca';

export interface OwnBundleOptions {
  readonly authority: Pick<MeshAuthority, 'publication'>;
  /** Where the number is kept. */
  readonly file: string;
  readonly refreshHintMs: number;
  readonly clock: () => number;
  readonly onFault: (error: unknown) => void;
}

export interface OwnBundle {
  /** A SPIFFE bundle. */
  document(): string;
  readonly refreshHintMs: number;
}

interface Counted {
  readonly hash: string;
  readonly sequence: number;
}

export function createOwnBundle(options: OwnBundleOptions): OwnBundle {
  const { authority, file, refreshHintMs, clock, onFault } = options;
  let counted = readCounted(file);
  return {
    refreshHintMs,
    document() {
      const { publication } = authority;
      const hash = createHash('sha256').update(publicationKey(publication)).digest('hex');
      if (counted?.hash !== hash) {
        // Seconds, so that a mesh that has lost its number does not begin anew below it.
        const sequence = Math.max((counted?.sequence ?? 0) + 1, Math.floor(clock() / 1_000));
        counted = { hash, sequence };
        writeCounted(file, counted, onFault);
      }
      return writeSpiffeBundle(publication, { sequence: counted.sequence, refreshHintMs });
    },
  };
}

function readCounted(file: string): Counted | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof value !== 'object' || value === null || !('hash' in value) || !('sequence' in value))
      return undefined;
    const { hash, sequence } = value;
    return typeof hash === 'string' && Number.isSafeInteger(sequence)
      ? { hash, sequence: Number(sequence) }
      : undefined;
  } catch {
    // Without it the clock goes on counting.
    return undefined;
  }
}

function writeCounted(file: string, counted: Counted, onFault: (error: unknown) => void): void {
  try {
    writeFileSync(`${file}.next`, JSON.stringify(counted), { mode: 0o600 });
    renameSync(`${file}.next`, file);
  } catch (error) {
    onFault(error);
  }
}
