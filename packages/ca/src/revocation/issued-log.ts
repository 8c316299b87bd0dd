// Which certificates of an identity are about (`issued.log`): one line each, so that all of them can be revoked. Lines of certificates that have ended are dropped; a torn last line is passed over.
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Clock } from '../clock.ts';

export interface IssuedEntry {
  readonly serial: string;
  readonly issuer: string;
  readonly identity: string;
  readonly notAfterMs: number;
}

export interface IssuedLog extends Disposable {
  add(entry: IssuedEntry): void;
  /** Those that have not ended. */
  find(wanted: { readonly serial: string } | { readonly identity: string }): readonly IssuedEntry[];
}

const FILE = 'issued.log';
const SWEEP_AT = 10_000;

export function openIssuedLog(directory: string, clock: Clock): IssuedLog {
  const file = path.join(directory, FILE);
  let entries = new Map(read(file).map((entry) => [entry.serial, entry]));
  let lines = 0;
  let sweepAt = SWEEP_AT;
  let descriptor: number | undefined;
  const sweep = (): void => {
    const nowMs = clock();
    entries = new Map([...entries].filter(([, { notAfterMs }]) => notAfterMs > nowMs));
    const temporary = `${file}.new-${process.pid}`;
    fs.writeFileSync(temporary, [...entries.values()].map(lineOf).join(''), { mode: 0o600 });
    fs.renameSync(temporary, file);
    if (descriptor !== undefined) fs.closeSync(descriptor);
    descriptor = undefined;
    lines = entries.size;
    sweepAt = Math.max(SWEEP_AT, 2 * lines);
  };
  if (entries.size > 0) sweep();
  return {
    add(entry) {
      entries.set(entry.serial, entry);
      lines += 1;
      if (lines > sweepAt) {
        sweep();
        return;
      }
      descriptor ??= fs.openSync(file, 'a', 0o600);
      fs.writeSync(descriptor, lineOf(entry));
    },
    find(wanted) {
      const nowMs = clock();
      const isWanted = (entry: IssuedEntry): boolean =>
        'serial' in wanted ? entry.serial === wanted.serial : entry.identity === wanted.identity;
      return [...entries.values()].filter((entry) => entry.notAfterMs > nowMs && isWanted(entry));
    },
    [Symbol.dispose]() {
      if (descriptor !== undefined) fs.closeSync(descriptor);
      descriptor = undefined;
    },
  };
}

const lineOf = ({ serial, issuer, identity, notAfterMs }: IssuedEntry): string =>
  `${serial} ${issuer} ${identity} ${notAfterMs}\n`;

function read(file: string): readonly IssuedEntry[] {
  if (!fs.existsSync(file)) return [];
  return fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, serial = '', issuer = '', identity = '', end = ''] =
        /^([0-9A-F]+) ([0-9a-f]*) (\S+) (\d+)$/.exec(line) ?? [];
      return serial === '' ? [] : [{ serial, issuer, identity, notAfterMs: Number(end) }];
    });
}
