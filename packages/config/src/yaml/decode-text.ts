// From bytes to text: UTF-8 only, and the line of the first byte that is not.
import { fail, type Result, succeed } from '@xebec/std';

/** Decodes a file; a byte order mark is dropped. */
export function decodeText(bytes: Uint8Array, file: string): Result<string> {
  try {
    return succeed(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    const line = findBadLine(bytes);
    const message = 'the file is not UTF-8 text';
    const remedy = 'save it as UTF-8';
    return fail({
      severity: 'error',
      code: 'invalid-utf8',
      message,
      remedy,
      origin: { file, line, column: 1 },
    });
  }
}

function findBadLine(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline + 1;
    try {
      decoder.decode(bytes.subarray(start, end));
    } catch {
      return line;
    }
    start = end;
  }
  return 1;
}
