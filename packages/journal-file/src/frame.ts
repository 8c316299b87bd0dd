// Framed records in a file: each is guarded by its own length and checksums, so that a torn tail and damage are told apart.
import { crc32 } from 'node:zlib';

const magic = Buffer.from('XEBECJNL', 'latin1');
/** Raised whenever an older program could misread what a newer one writes. */
export const formatVersion = 1;
export const fileHeaderBytes = 16;
const frameHeaderBytes = 12;
const largestPayload = 0x7fff_ffff;

/** The start of every file: magic, format version, checksum of both. */
export function encodeFileHeader(version = formatVersion): Buffer {
  const header = Buffer.alloc(fileHeaderBytes);
  magic.copy(header);
  header.writeUInt32LE(version, 8);
  header.writeUInt32LE(crc32(header.subarray(0, 12)), 12);
  return header;
}

/** The format version of a file, or undefined when it does not start as ours do. */
export function readFileVersion(file: Buffer): number | undefined {
  if (file.length < fileHeaderBytes || !file.subarray(0, 8).equals(magic)) return undefined;
  return file.readUInt32LE(12) === crc32(file.subarray(0, 12)) ? file.readUInt32LE(8) : undefined;
}

/** One record: length and checksum of the payload, checksum of these two, payload. */
export function encodeFrame(record: unknown): Buffer {
  const payload = Buffer.from(JSON.stringify(record), 'utf8');
  const frame = Buffer.alloc(frameHeaderBytes + payload.length);
  frame.writeUInt32LE(payload.length, 0);
  frame.writeUInt32LE(crc32(payload), 4);
  frame.writeUInt32LE(crc32(frame.subarray(0, 8)), 8);
  payload.copy(frame, frameHeaderBytes);
  return frame;
}

/** `torn`: the end of a write that never finished. `damaged`: bytes that were written are not there any more. */
export interface Fault {
  readonly kind: 'torn' | 'damaged';
  readonly offset: number;
}

export interface Scan {
  readonly records: readonly { readonly value: unknown; readonly offset: number }[];
  /** End of the last good record. */
  readonly end: number;
  readonly fault?: Fault;
}

/** Reads all records up to the end or the first fault. */
export function scanFrames(file: Buffer): Scan {
  const records: { value: unknown; offset: number }[] = [];
  let offset = fileHeaderBytes;
  while (offset < file.length) {
    const frame = readFrame(file, offset);
    if ('fault' in frame) return { records, end: offset, fault: { kind: frame.fault, offset } };
    records.push({ value: frame.value, offset });
    offset = frame.end;
  }
  return { records, end: offset };
}

type Frame = { readonly value: unknown; readonly end: number } | { readonly fault: Fault['kind'] };

function readFrame(file: Buffer, offset: number): Frame {
  const rest = file.subarray(offset);
  if (rest.length < frameHeaderBytes) return { fault: 'torn' };
  const length = rest.readUInt32LE(0);
  if (rest.readUInt32LE(8) !== crc32(rest.subarray(0, 8)) || length > largestPayload) {
    return { fault: isUnwritten(rest.subarray(frameHeaderBytes)) ? 'torn' : 'damaged' };
  }
  const end = frameHeaderBytes + length;
  if (rest.length < end) return { fault: 'torn' };
  const payload = rest.subarray(frameHeaderBytes, end);
  if (rest.readUInt32LE(4) !== crc32(payload)) {
    return { fault: rest.length === end && holdsUnwritten(payload) ? 'torn' : 'damaged' };
  }
  return { value: JSON.parse(payload.toString('utf8')), end: offset + end };
}

/** After a power cut a file may be as long as it was to be, with blocks of zeros where nothing was written yet. */
const isUnwritten = (bytes: Buffer): boolean => bytes.length > 0 && bytes.every((byte) => byte === 0);

/** JSON holds no zero bytes, and no single flipped bit makes eight of them. */
const holdsUnwritten = (payload: Buffer): boolean => payload.includes(Buffer.alloc(8));
