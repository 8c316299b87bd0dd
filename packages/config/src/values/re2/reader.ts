// Reads an expression byte by byte, each as one character; faults are thrown inside the checker only and leave it as values.

export interface RegexFault {
  readonly message: string;
  readonly remedy: string;
  /** Index of the byte. */
  readonly at: number;
}

export interface Reader {
  readonly points: readonly string[];
  at: number;
}

/** Carries a fault out of the nested reading; never leaves `checkRe2`. */
export class FaultSignal extends Error {
  readonly fault: RegexFault;
  constructor(fault: RegexFault) {
    super(fault.message);
    this.fault = fault;
  }
}

export function raise(reader: Reader, message: string, remedy: string): never {
  throw new FaultSignal({ message: `${message} (at character ${reader.at + 1})`, remedy, at: reader.at });
}

export const peek = (reader: Reader, ahead = 0): string => reader.points[reader.at + ahead] ?? '';

export const isAtEnd = (reader: Reader): boolean => reader.at >= reader.points.length;

/** Takes `text` when it comes next. */
export function take(reader: Reader, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (peek(reader, i) !== text[i]) return false;
  reader.at += text.length;
  return true;
}

/** Everything up to `end`, which is taken too; undefined when it does not come. */
export function takeUntil(reader: Reader, end: string): string | undefined {
  const found = reader.points.indexOf(end, reader.at);
  if (found < 0) return undefined;
  const content = reader.points.slice(reader.at, found).join('');
  reader.at = found + 1;
  return content;
}
