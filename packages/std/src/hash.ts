// Content hashes: equal bytes give equal text, on every machine and in every run.
import xxhash from 'xxhash-wasm';

const { h64Raw, h64 } = await xxhash();

/** 64-bit content hash as 16 hexadecimal digits. Not for security. */
export const hashBytes = (bytes: Uint8Array): string => h64Raw(bytes).toString(16).padStart(16, '0');

/** 64-bit content hash of a text as 16 hexadecimal digits. Not for security. */
export const hashText = (text: string): string => h64(text).toString(16).padStart(16, '0');
