// A module out of what it may be packed in: gzip, tar, or nothing. The rule: what comes out is bounded too.
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { usualLimits } from './download.ts';

const unzip = promisify(gunzip);

/** The bytes of a module, or of its archive's `plugin.wasm`; undefined when there is none. Throws when it cannot be unpacked. */
export async function unpack(
  packed: Uint8Array,
  limitBytes = usualLimits.bytes,
): Promise<Uint8Array | undefined> {
  const isZipped = packed[0] === 0x1f && packed[1] === 0x8b;
  const plain = isZipped ? await unzip(packed, { maxOutputLength: limitBytes }) : packed;
  return isModule(plain) ? plain : moduleInTar(plain);
}

/** `\0asm`. */
export const isModule = (bytes: Uint8Array): boolean =>
  bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d;

const block = 512;

/** The file `plugin.wasm`, or the first `.wasm` where there is none of that name. */
function moduleInTar(tar: Uint8Array): Uint8Array | undefined {
  let other: Uint8Array | undefined;
  for (let at = 0; at + block <= tar.length; ) {
    const header = tar.subarray(at, at + block);
    const size = Number.parseInt(textIn(header, 124, 12).trim() || '0', 8);
    if (!Number.isSafeInteger(size) || size < 0 || header[0] === 0) return other;
    const content = tar.subarray(at + block, at + block + size);
    const name = textIn(header, 0, 100).split('/').at(-1) ?? '';
    if (isFile(header) && isModule(content)) {
      if (name === 'plugin.wasm') return content;
      if (name.endsWith('.wasm')) other ??= content;
    }
    at += block * (1 + Math.ceil(size / block));
  }
  return other;
}

const isFile = (header: Uint8Array): boolean => header[156] === 0 || header[156] === 0x30;

function textIn(header: Uint8Array, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString('latin1');
}
