// The few file operations that durability hangs on, replaceable in tests, and a durable way to make a file.
import {
  chmodSync,
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** Each call may throw as the system does (`ENOSPC`, `EIO`). */
export interface Disk {
  /** Bytes written, possibly fewer than given. */
  write(file: number, bytes: Uint8Array, position: number): number;
  sync(file: number): void;
  truncate(file: number, length: number): void;
}

export const systemDisk: Disk = {
  write: (file, bytes, position) => writeSync(file, bytes, 0, bytes.length, position),
  sync: fsyncSync,
  truncate: ftruncateSync,
};

const fileMode = 0o600;
const directoryMode = 0o700;

/** Makes the directory, readable by its owner only. */
export function makePrivateDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: directoryMode });
  if ((statSync(directory).mode & 0o077) !== 0) chmodSync(directory, directoryMode);
}

export function writeFully(disk: Disk, file: number, at: { bytes: Uint8Array; position: number }): void {
  let { bytes, position } = at;
  while (bytes.length > 0) {
    const written = disk.write(file, bytes, position);
    // Some file systems say so instead of ENOSPC; asking again would never end.
    if (written === 0) throw Object.assign(new Error('ENOSPC: nothing was written'), { code: 'ENOSPC' });
    bytes = bytes.subarray(written);
    position += written;
  }
}

/** The file is there with all its chunks, or not there at all, whenever the machine stops. Returns its size. */
export function createDurably(disk: Disk, path: string, chunks: Iterable<Uint8Array>): number {
  const temporary = `${path}.tmp`;
  try {
    const size = writeTemporary(disk, temporary, chunks);
    renameSync(temporary, path);
    syncDirectory(disk, dirname(path));
    return size;
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function writeTemporary(disk: Disk, path: string, chunks: Iterable<Uint8Array>): number {
  const file = openSync(path, 'w', fileMode);
  try {
    let position = 0;
    for (const bytes of chunks) {
      writeFully(disk, file, { bytes, position });
      position += bytes.length;
    }
    disk.sync(file);
    return position;
  } finally {
    closeSync(file);
  }
}

/** Makes renames and removals in a directory survive a power cut. */
export function syncDirectory(disk: Disk, directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    disk.sync(handle);
  } finally {
    closeSync(handle);
  }
}

export const openForAppend = (path: string): number => openSync(path, 'r+', fileMode);
export const sizeOf = (file: number): number => fstatSync(file).size;
