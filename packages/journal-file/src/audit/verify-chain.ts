// Tells whether a chain is as it was written, and which record is not.
import { isSignerKnown, wrongWithSignature } from './checkpoints.ts';
import type { ChainLine, ReadChain } from './read-chain.ts';
import { chainStart, type ReadRecord } from './record.ts';

export type ChainProblemCode =
  | 'changed'
  | 'removed'
  | 'moved'
  | 'repeated'
  | 'truncated'
  | 'not-a-record'
  | 'other-chain'
  | 'no-head'
  | 'bad-signature'
  | 'unknown-signer'
  | 'lost'
  | 'unfinished';

export interface ChainProblem {
  readonly code: ChainProblemCode;
  /** `warning`: nobody has touched the chain, and yet not all is there. */
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly file?: string;
  readonly line?: number;
  /** Of the record, or of the first of them. */
  readonly seq?: number;
}

export interface Verification {
  readonly path: string;
  readonly id?: string;
  readonly records: number;
  readonly first?: number;
  readonly last?: number;
  /** The last record that a good signature covers, and whose it is. */
  readonly signed?: { readonly through: number; readonly signer: string };
  readonly problems: readonly ChainProblem[];
}

/** What a chain is held against. */
export interface VerifyOptions {
  readonly anchors?: readonly Anchor[];
  /** Root certificates of the mesh; absent: anybody may have signed. */
  readonly rootsPem?: readonly string[];
  /** `warning` where the roots may have changed since. */
  readonly ofUnknownSigner?: 'error' | 'warning';
}

interface Placed extends ReadRecord {
  readonly at: ChainLine;
}

/** What another chain says of this one: at that number it had that hash. */
export interface Anchor {
  readonly chain: string;
  readonly seq: number;
  readonly head: string;
}

export function verifyChain(chain: ReadChain, options: VerifyOptions = {}): Verification {
  const records = chain.lines.flatMap(({ record }, index): Placed[] => {
    const at = chain.lines[index];
    return typeof record === 'object' && at !== undefined ? [{ ...record, at }] : [];
  });
  const bySeq = new Map(records.map((record) => [record.seq, record]));
  const seqs = [...bySeq.keys()];
  const known = { chain, records, bySeq, first: least(seqs), last: greatest(seqs) };
  const { signed, problems: unsigned } = signatures(known, options);
  const problems = [
    ...unreadable(chain),
    ...misplaced(records),
    ...unlinked(known),
    ...missing(known),
    ...beginning(known),
    ...ending(known),
    ...unanchored(known, options.anchors ?? []),
    ...unsigned,
    ...told(known),
  ];
  return {
    path: chain.path,
    ...(chain.id === undefined ? {} : { id: chain.id }),
    records: records.length,
    ...(known.first === undefined ? {} : { first: known.first }),
    ...(known.last === undefined ? {} : { last: known.last }),
    ...(signed === undefined ? {} : { signed }),
    problems,
  };
}

interface Known {
  readonly chain: ReadChain;
  readonly records: readonly Placed[];
  readonly bySeq: ReadonlyMap<number, Placed>;
  readonly first: number | undefined;
  readonly last: number | undefined;
}

const least = (numbers: readonly number[]): number | undefined =>
  numbers.reduce<number | undefined>(
    (found, each) => (found === undefined || each < found ? each : found),
    undefined,
  );
const greatest = (numbers: readonly number[]): number | undefined =>
  numbers.reduce<number | undefined>(
    (found, each) => (found === undefined || each > found ? each : found),
    undefined,
  );

const error = (code: ChainProblemCode, message: string, place: Partial<ChainProblem> = {}): ChainProblem => ({
  ...place,
  code,
  severity: 'error',
  message,
});

const placeOf = ({ at, seq }: Placed) => ({ file: at.file, line: at.line, seq });

function unreadable({ lines, unfinished }: ReadChain): readonly ChainProblem[] {
  const bad = lines.flatMap(({ record, text, ...place }): ChainProblem[] => {
    if (record === 'changed') {
      const seq = Number(/^\{"seq":(\d+)/.exec(text)?.[1] ?? 0);
      return [
        error('changed', `record ${seq} has been changed: its hash is not that of its text`, {
          ...place,
          seq,
        }),
      ];
    }
    return record === 'not-a-record' ? [error('not-a-record', 'this line is no record', place)] : [];
  });
  if (unfinished === undefined) return bad;
  const message = 'the last line has no end: its writer stopped in the middle of it, or is writing it now';
  return [...bad, { code: 'unfinished', severity: 'warning', message, ...unfinished }];
}

function misplaced(records: readonly Placed[]): readonly ChainProblem[] {
  const seen = new Set<number>();
  let highest = 0;
  return records.flatMap((record): ChainProblem[] => {
    const { seq } = record;
    const isSecond = seen.has(seq);
    seen.add(seq);
    if (isSecond) return [error('repeated', `record ${seq} is there twice`, placeOf(record))];
    if (seq < highest)
      return [
        error('moved', `record ${seq} has been moved: it stands after record ${highest}`, placeOf(record)),
      ];
    highest = seq;
    return [];
  });
}

/** A record that was changed and got a new hash does not fit the next one. */
function unlinked({ records, bySeq }: Known): readonly ChainProblem[] {
  return records.flatMap((record): ChainProblem[] => {
    const before = bySeq.get(record.seq - 1);
    if (before === undefined || before.hash === record.prev) return [];
    const message = `record ${before.seq} has been replaced: record ${record.seq} was written after another one`;
    return [error('changed', message, placeOf(before))];
  });
}

function missing({ chain, records, bySeq }: Known): readonly ChainProblem[] {
  const changed = new Set(
    chain.lines.flatMap(({ record, text }) =>
      record === 'changed' ? [Number(/^\{"seq":(\d+)/.exec(text)?.[1] ?? 0)] : [],
    ),
  );
  const has = (seq: number): boolean => bySeq.has(seq) || changed.has(seq);
  const sorted = [...records].sort((left, right) => left.seq - right.seq);
  return sorted.flatMap((record, index): ChainProblem[] => {
    const before = sorted[index - 1];
    if (before === undefined) return [];
    const absent = range(before.seq + 1, record.seq - 1).filter((seq) => !has(seq));
    const [from] = absent;
    if (from === undefined) return [];
    const message = `${inWords(from, absent.at(-1) ?? from)} missing before record ${record.seq}`;
    return [error('removed', message, { ...placeOf(record), seq: from })];
  });
}

/** As many as anybody reads. */
const mostNamed = 100_000;
const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: Math.max(0, Math.min(to - from + 1, mostNamed)) }, (_, index) => from + index);

const inWords = (from: number, to: number): string =>
  from === to ? `record ${from} is` : `records ${from} to ${to} are`;

/** A chain begins with record 1, or says itself what was removed. One file by itself may begin anywhere. */
function beginning({ chain, records, bySeq, first }: Known): readonly ChainProblem[] {
  const record = first === undefined ? undefined : bySeq.get(first);
  if (record === undefined || chain.head === undefined) return [];
  if (record.seq === 1) {
    return record.prev === chainStart.hash
      ? []
      : [error('changed', 'record 1 is not the first of its chain', placeOf(record))];
  }
  const isPruned = records.some(
    ({ kind, fields }) =>
      kind === 'pruned' && fields['through'] === record.seq - 1 && fields['head'] === record.prev,
  );
  if (isPruned) return [];
  return [
    error('removed', `${inWords(1, record.seq - 1)} missing at the beginning`, {
      ...placeOf(record),
      seq: 1,
    }),
  ];
}

function ending({ chain, bySeq, last = 0 }: Known): readonly ChainProblem[] {
  const { head, path } = chain;
  if (head === undefined) return [];
  if (typeof head === 'string') {
    const message = `the file head is ${head}: whether the end of the chain was cut off cannot be told`;
    return [error('no-head', message, { file: path })];
  }
  return atHead(bySeq, last, { ...head, said: 'the file head' });
}

function atHead(
  bySeq: Known['bySeq'],
  last: number,
  { seq, hash, said }: { readonly seq: number; readonly hash: string; readonly said: string },
): readonly ChainProblem[] {
  if (seq > last) {
    const message = `the end was cut off: ${inWords(last + 1, seq)} missing, which ${said} knows`;
    return [error('truncated', message, { seq: last + 1 })];
  }
  const record = bySeq.get(seq);
  if (record === undefined || record.hash === hash) return [];
  return [error('changed', `record ${seq} has been replaced: ${said} knows another one`, placeOf(record))];
}

const unanchored = (
  { chain, bySeq, last = 0 }: Known,
  anchors: readonly Anchor[],
): readonly ChainProblem[] =>
  chain.head === undefined
    ? []
    : anchors
        .filter((anchor) => anchor.chain === chain.id)
        .flatMap(({ seq, head: hash }) => atHead(bySeq, last, { seq, hash, said: 'another chain' }))
        .slice(-1);

function signatures(
  { chain, records, bySeq }: Known,
  { rootsPem = [], ofUnknownSigner = 'error' }: VerifyOptions,
): Pick<Verification, 'signed' | 'problems'> {
  let signed: Verification['signed'];
  const problems = records.flatMap((record): ChainProblem[] => {
    if (record.kind !== 'checkpoint') return [];
    const text = (name: string): string => String(record.fields[name] ?? '');
    const through = Number(record.fields['at']);
    const covered = bySeq.get(through);
    if (covered !== undefined && covered.hash !== text('head')) {
      const message = `record ${through} has been replaced: ${text('signer')} has signed another one`;
      return [error('changed', message, placeOf(covered))];
    }
    const checkpoint = {
      signer: text('signer'),
      certificates: text('certificates'),
      signature: text('signature'),
    };
    const head = { seq: through, hash: text('head') };
    const wrong = wrongWithSignature({ chain: chain.id ?? '', head, checkpoint, time: text('time') });
    if (wrong === undefined && !isSignerKnown(checkpoint, rootsPem)) {
      const message = `no root certificate that is known here stands behind ${checkpoint.signer}, who signed record ${through}`;
      return [{ ...error('unknown-signer', message, placeOf(record)), severity: ofUnknownSigner }];
    }
    if (wrong === undefined) signed = { through, signer: checkpoint.signer };
    return wrong === undefined
      ? []
      : [error('bad-signature', `record ${record.seq} signs nothing: ${wrong}`, placeOf(record))];
  });
  return { problems, ...(signed === undefined ? {} : { signed }) };
}

/** What the chain says of itself. */
function told({ chain, records }: Known): readonly ChainProblem[] {
  return records.flatMap((record): ChainProblem[] => {
    const { kind, fields } = record;
    const at = placeOf(record);
    if (kind === 'lost') {
      const message = `${String(fields['count'])} records were lost: ${String(fields['reason'])}`;
      return [{ code: 'lost', severity: 'warning', message, ...at }];
    }
    if (kind === 'gap') {
      const message = `${inWords(Number(fields['from']), Number(fields['to']))} missing: the end had been cut off when the writer started`;
      return [error('truncated', message, { ...at, seq: Number(fields['from']) })];
    }
    if (kind === 'start' && chain.id !== undefined && fields['chain'] !== chain.id)
      return [error('other-chain', `record ${record.seq} belongs to another chain`, at)];
    return [];
  });
}

/** What the chains among these say of each other. */
export function anchorsIn(chains: readonly ReadChain[]): readonly Anchor[] {
  return chains.flatMap(({ lines }) =>
    lines.flatMap(({ record }): Anchor[] => {
      if (typeof record !== 'object' || record.kind !== 'anchor') return [];
      const { chain, at, head } = record.fields;
      return typeof chain === 'string' && typeof at === 'number' && typeof head === 'string'
        ? [{ chain, seq: at, head }]
        : [];
    }),
  );
}
