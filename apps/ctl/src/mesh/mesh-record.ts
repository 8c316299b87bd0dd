// What a running mesh leaves for other commands to find: who holds it, and where it serves.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { ProcessIdentity } from '@xebec/supervise';
import { at, isObject, numberOf, textOf, textsOf } from '../admin/json.ts';
import { meshFile } from '../state/state-directory.ts';

export interface MeshRecord {
  /** The process that holds the mesh; ending it ends everything. */
  readonly holder: ProcessIdentity;
  readonly phase: 'starting' | 'serving' | 'stopping';
  readonly ingress: string;
  readonly xds: string;
  readonly http: string;
  readonly capture: string;
  readonly captureReason: string;
  readonly envoy: string;
  readonly paths: readonly string[];
}

export function writeMeshRecord(state: string, record: MeshRecord): void {
  const file = meshFile(state);
  writeFileSync(`${file}.new`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

export function readMeshRecord(state: string): MeshRecord | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(meshFile(state), 'utf8'));
    const pid = numberOf(at(value, 'holder', 'pid'));
    if (!isObject(value) || pid === undefined) return undefined;
    const phase = value['phase'];
    return {
      holder: { pid, start: textOf(at(value, 'holder', 'start')) },
      phase: phase === 'serving' || phase === 'stopping' ? phase : 'starting',
      ingress: textOf(value['ingress']),
      xds: textOf(value['xds']),
      http: textOf(value['http']),
      capture: textOf(value['capture']),
      captureReason: textOf(value['captureReason']),
      envoy: textOf(value['envoy']),
      paths: textsOf(value['paths']),
    };
  } catch {
    return undefined;
  }
}

export const removeMeshRecord = (state: string): void => rmSync(meshFile(state), { force: true });
