// Chains: what is written verifies; what anybody removes, changes, moves or cuts off is found and named.
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Diagnostic } from '@xebec/std';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { type Disk, systemDisk } from '../disk.ts';
import { changeOf } from '../testing/audit-records.ts';
import { selfSigned } from '../testing/self-signed.ts';
import { type AuditChain, type AuditChainOptions, openAuditChain } from './audit-chain.ts';
import { findChains, readChain } from './read-chain.ts';
import { anchorsIn, verifyChain } from './verify-chain.ts';

const root = mkdtempSync(join(tmpdir(), 'audit-chain-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let directories = 0;
function newDirectory(): string {
  directories += 1;
  return join(root, `chain-${directories}-of-test`);
}

function open(directory: string, options: Partial<AuditChainOptions> = {}): AuditChain {
  const opened = openAuditChain({ directory, writer: 'test', clock: () => 1_000, ...options });
  if (!opened.ok) throw new Error(JSON.stringify(opened.diagnostics));
  return opened.value;
}

function write(directory: string, count: number, options: Partial<AuditChainOptions> = {}): void {
  using chain = open(directory, options);
  for (let number = 1; number <= count; number++) {
    chain.append(changeOf(number));
    chain.flush();
  }
}

const problems = (path: string) =>
  verifyChain(readChain(path)).problems.map(({ code, severity, seq }) => ({ code, severity, seq }));

const only = (directory: string): string =>
  join(directory, readdirSync(directory).find((name) => name.endsWith('.jsonl')) ?? '');

/** A chain of records 1 (its start) to 6, with its lines changed. */
function tampered(change: (lines: string[]) => readonly string[]): string {
  const directory = newDirectory();
  write(directory, 5);
  const file = only(directory);
  writeFileSync(
    file,
    change(readFileSync(file, 'utf8').trimEnd().split('\n'))
      .map((line) => `${line}\n`)
      .join(''),
  );
  return directory;
}

describe('a chain', () => {
  test('verifies as it was written, over restarts and several files, which nobody else can read', () => {
    const directory = newDirectory();
    write(directory, 20, { segmentBytes: 1_000 });
    write(directory, 20, { segmentBytes: 1_000 });
    expect(verifyChain(readChain(directory))).toMatchObject({
      records: 42,
      first: 1,
      last: 42,
      problems: [],
    });
    const names = readdirSync(directory);
    expect(names.filter((name) => name.endsWith('.jsonl')).length).toBeGreaterThan(5);
    expect(new Set(names.map((name) => statSync(join(directory, name)).mode & 0o777))).toEqual(
      new Set([0o600]),
    );
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(findChains(root)).toContain(directory);
  });

  test('says itself which files it has removed', () => {
    const directory = newDirectory();
    write(directory, 40, { segmentBytes: 1_000, keptSegments: 3 });
    expect(readdirSync(directory).filter((name) => name.endsWith('.jsonl'))).toHaveLength(3);
    expect(problems(directory)).toEqual([]);
    write(directory, 10, { segmentBytes: 1_000, keptSegments: 3 });
    expect(problems(directory)).toEqual([]);
    const [oldest = ''] = readdirSync(directory).filter((name) => name.endsWith('.jsonl'));
    rmSync(join(directory, oldest));
    expect(problems(directory)).toMatchObject([{ code: 'removed', seq: 1 }]);
  });

  test('text of others neither ends a line nor reaches a terminal', () => {
    const directory = newDirectory();
    const object = 'a\r\nb\u2028c\u001b[31m\u009b\u007f"\\';
    {
      using chain = open(directory);
      chain.append({ ...changeOf(1), kind: 'change', object } as Parameters<AuditChain['append']>[0]);
    }
    const text = readFileSync(only(directory), 'latin1');
    expect(text.trimEnd().split('\n')).toHaveLength(2);
    expect(text).toMatch(/^[\x20-\x7e\n]*$/);
    expect(readChain(directory).lines[1]?.record).toMatchObject({ fields: { object } });
  });
});

describe('what somebody did to a chain', () => {
  test('a removed record', () => {
    expect(problems(tampered((lines) => lines.toSpliced(2, 1)))).toEqual([
      { code: 'removed', severity: 'error', seq: 3 },
    ]);
  });

  test('a changed one', () => {
    expect(
      problems(tampered((lines) => lines.with(2, (lines[2] ?? '').replace('somebody', 'nobody1')))),
    ).toEqual([{ code: 'changed', severity: 'error', seq: 3 }]);
  });

  test('one that was written anew', () => {
    const other = newDirectory();
    write(other, 5, { clock: () => 2_000 });
    const [first, second = ''] = readFileSync(only(other), 'utf8').split('\n');
    expect(first).toBeDefined();
    expect(problems(tampered((lines) => lines.with(1, second)))).toEqual([
      { code: 'changed', severity: 'error', seq: 1 },
      { code: 'changed', severity: 'error', seq: 2 },
    ]);
  });

  test('two in the other order, one twice, and what is no record', () => {
    const [second, third] = [1, 2];
    expect(
      problems(tampered((lines) => lines.with(second, lines[third] ?? '').with(third, lines[second] ?? ''))),
    ).toEqual([{ code: 'moved', severity: 'error', seq: 2 }]);
    expect(problems(tampered((lines) => lines.toSpliced(3, 0, lines[1] ?? '')))).toEqual([
      { code: 'repeated', severity: 'error', seq: 2 },
    ]);
    expect(problems(tampered((lines) => lines.toSpliced(3, 0, 'x')))).toEqual([
      { code: 'not-a-record', severity: 'error', seq: undefined },
    ]);
  });

  test('an end that was cut off, also when the writer starts again, and a head that is gone', () => {
    const directory = tampered((lines) => lines.slice(0, 4));
    const cut = [{ code: 'truncated', severity: 'error', seq: 5 }];
    expect(problems(directory)).toEqual(cut);
    write(directory, 2);
    expect(problems(directory).filter(({ code }) => code === 'truncated')).toEqual(cut);
    rmSync(join(directory, 'head'));
    expect(problems(directory)).toContainEqual({ code: 'no-head', severity: 'error', seq: undefined });
  });

  test('all files removed', () => {
    const directory = newDirectory();
    write(directory, 5);
    rmSync(only(directory));
    expect(problems(directory)).toEqual([{ code: 'truncated', severity: 'error', seq: 1 }]);
    write(directory, 5);
    expect(problems(directory)).toContainEqual({ code: 'truncated', severity: 'error', seq: 1 });
  });

  test('an end that was cut off with its head is known to another chain', () => {
    const [directory, other] = [newDirectory(), newDirectory()];
    using chain = open(directory);
    for (const number of [1, 2, 3]) chain.append(changeOf(number));
    chain.flush();
    {
      using second = open(other);
      const { seq: at, hash: head } = chain.head;
      second.append({ kind: 'anchor', time: new Date(0).toISOString(), chain: chain.id, at, head });
    }
    const verify = () =>
      verifyChain(readChain(directory), { anchors: anchorsIn([readChain(other)]) }).problems;
    expect(verify()).toEqual([]);
    const lines = readFileSync(only(directory), 'utf8').split('\n');
    writeFileSync(only(directory), `${lines.slice(0, 2).join('\n')}\n`);
    const hash = /"hash":"(\w+)"/.exec(lines[1] ?? '')?.[1] ?? '';
    writeFileSync(join(directory, 'head'), `0000000000000002 ${hash}\n`);
    expect(verify()).toMatchObject([{ code: 'truncated', seq: 3 }]);
  });

  test('any one changed letter of any file', () => {
    const directory = newDirectory();
    write(directory, 5);
    const file = only(directory);
    const text = readFileSync(file);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const spoilt = Buffer.from(text);
        spoilt[at] = (spoilt[at] ?? 0) ^ by;
        writeFileSync(file, spoilt);
        expect(verifyChain(readChain(directory)).problems.length).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
  });
});

describe('signatures', () => {
  const root = selfSigned('spiffe://cluster.local/ns/default/sa/echo');
  const signer = { ...root, signer: 'spiffe://cluster.local/ns/default/sa/echo' };
  const clock = () => Date.now();

  test('say who stands behind a chain, and up to where', () => {
    const directory = newDirectory();
    {
      using chain = open(directory, { clock });
      chain.append(changeOf(1));
      chain.checkpoint(signer);
      chain.append(changeOf(2));
    }
    const rootsPem = [root.certificatesPem];
    expect(verifyChain(readChain(directory), { rootsPem })).toMatchObject({
      problems: [],
      signed: { through: 2, signer: signer.signer },
    });
    const others = [selfSigned('spiffe://cluster.local/ns/default/sa/echo').certificatesPem];
    expect(verifyChain(readChain(directory), { rootsPem: others }).problems).toMatchObject([
      { code: 'unknown-signer', severity: 'error' },
    ]);
  });

  test('cannot be made for a chain that was written anew', () => {
    const [directory, forged] = [newDirectory(), newDirectory()];
    {
      using chain = open(directory, { clock });
      chain.append(changeOf(1));
      chain.checkpoint(signer);
    }
    const signed = readChain(directory).lines[2]?.record;
    if (typeof signed !== 'object') throw new Error('no record');
    {
      using chain = open(forged, { clock });
      chain.append(changeOf(7));
      chain.flush();
      const { seq: at, hash: head } = chain.head;
      const { signer: by, certificates, signature, time } = signed.fields;
      const text = (value: unknown): string => String(value);
      chain.append({
        ...{ kind: 'checkpoint', time: text(time), at, head, signer: text(by) },
        ...{ certificates: text(certificates), signature: text(signature) },
      });
    }
    expect(verifyChain(readChain(forged)).problems).toMatchObject([{ code: 'bad-signature' }]);
  });
});

describe('trouble', () => {
  test('a line that was never finished is cut off and told', () => {
    const directory = newDirectory();
    write(directory, 3);
    appendFileSync(only(directory), '{"seq":5,"kind":"cha');
    expect(problems(directory)).toEqual([{ code: 'unfinished', severity: 'warning', seq: undefined }]);
    write(directory, 1);
    expect(problems(directory)).toEqual([]);
    expect(readChain(directory).lines[4]?.record).toMatchObject({ kind: 'repaired', fields: { bytes: 20 } });
  });

  test('a full disk: records wait, those beyond are counted, and nothing is half written', () => {
    const directory = newDirectory();
    const told: (Diagnostic | undefined)[] = [];
    let room = 700;
    const disk: Disk = {
      ...systemDisk,
      write(file, bytes, position) {
        if (bytes.length === 82) return systemDisk.write(file, bytes, position);
        if (room <= 0) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
        const written = systemDisk.write(file, bytes.subarray(0, room), position);
        room -= written;
        return written;
      },
    };
    using chain = open(directory, { disk, mostWaiting: 4, onTrouble: (problem) => told.push(problem) });
    for (let number = 1; number <= 10; number++) {
      chain.append(changeOf(number));
      chain.flush();
    }
    expect(told.map((problem) => problem?.code)).toEqual(['disk-full']);
    expect(problems(directory)).toEqual([]);
    const { written, lost, waiting } = chain.counts;
    expect(written + lost + waiting).toBe(11);
    expect(waiting).toBe(4);
    room = Number.POSITIVE_INFINITY;
    expect(chain.flush()).toBe(true);
    expect(told.at(-1)).toBeUndefined();
    expect(problems(directory)).toMatchObject([{ code: 'lost', severity: 'warning' }]);
    expect(readChain(directory).lines.at(-1)?.record).toMatchObject({
      kind: 'lost',
      fields: { count: lost },
    });
  });

  test('a torn head is told', () => {
    const directory = newDirectory();
    write(directory, 3);
    truncateSync(join(directory, 'head'), 10);
    expect(problems(directory)).toMatchObject([{ code: 'no-head' }]);
  });
});
