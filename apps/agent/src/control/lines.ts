// Splits a stream of bytes into lines of text; a line longer than the limit ends the reading.

const newline = 0x0a;
const longestLine = 64 * 1024 * 1024;

/** A function that takes the bytes as they come and calls `onLine` for every line that is complete. Throws on an endless line. */
export function createLineReader(onLine: (line: string) => void): (bytes: Uint8Array) => void {
  let pieces: Uint8Array[] = [];
  let size = 0;
  return (bytes) => {
    let from = 0;
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, from)) {
      pieces.push(bytes.subarray(from, end));
      const line = Buffer.concat(pieces).toString('utf8');
      pieces = [];
      size = 0;
      from = end + 1;
      if (line.trim() !== '') onLine(line);
    }
    if (from >= bytes.length) return;
    size += bytes.length - from;
    if (size > longestLine) throw new Error('a line of the stream does not end');
    pieces.push(bytes.subarray(from));
  };
}
