// One record of an audit chain: a line of JSON in plain ASCII that carries the hash of the line before it and its own.
import { createHash } from 'node:crypto';

/** A rule of a policy, and where it was written as far as that is known. */
export interface AuditedRule {
  /** `AuthorizationPolicy/NAMESPACE/NAME`. */
  readonly policy: string;
  readonly rule?: number;
  /** `FILE:LINE:COLUMN`. */
  readonly origin?: string;
}

export interface AuditedOperation {
  readonly protocol: 'http' | 'grpc' | 'tcp' | 'udp';
  readonly method?: string;
  readonly host?: string;
  readonly path?: string;
  /** That the workload listens on. */
  readonly port?: number;
  /** The server name of TLS. */
  readonly serverName?: string;
}

/** One call, or one connection, or one session of datagrams. */
export interface CallRecord {
  readonly kind: 'call';
  /** When it began, RFC 3339. */
  readonly time: string;
  /** `NAMESPACE/NAME` of who was called. */
  readonly workload: string;
  readonly pod: string;
  /** The SPIFFE id that the client has proven; absent: none. */
  readonly principal?: string;
  /** The end user that a verified token names. */
  readonly user?: { readonly issuer?: string; readonly subject?: string };
  /** `IP:PORT` of the connection's other end. */
  readonly address?: string;
  readonly operation: AuditedOperation;
  readonly decision: 'allowed' | 'denied';
  /** What decided; absent where nothing had to. */
  readonly by?: AuditedRule;
  /** Why it was denied, where no rule did, in Envoy's words. */
  readonly reason?: string;
  /** The first rule of an AUDIT policy that it matches. */
  readonly audit?: AuditedRule;
  readonly requestId?: string;
  /** Of HTTP. */
  readonly status?: number;
}

/** What was changed in the configuration: one object of one revision. */
export interface ChangeRecord {
  readonly kind: 'change';
  readonly time: string;
  readonly revision: number;
  readonly author: string;
  /** `api`, or `file:DIRECTORY`. */
  readonly owner: string;
  readonly message?: string;
  readonly object: string;
  readonly change: 'created' | 'configured' | 'deleted';
  readonly origin?: string;
  /** The fields that differ, as `+PATH`, `-PATH` and `~PATH`; values are in the history. */
  readonly fields: readonly string[];
}

/** A certificate that was issued, or a request for one that was denied. */
export interface CertificateRecord {
  readonly kind: 'certificate';
  readonly time: string;
  readonly decision: 'allowed' | 'denied';
  readonly [fact: string]: unknown;
}

/** What a chain says of itself. */
export type ChainRecord =
  /** A writer has opened the chain; `chain` names it, the same for all its life. */
  | { readonly kind: 'start'; readonly time: string; readonly chain: string; readonly writer: string }
  /** Records that could not be kept: the disk was full, or there were too many at once. */
  | { readonly kind: 'lost'; readonly time: string; readonly count: number; readonly reason: string }
  /** The end of a line that was never finished was cut off. */
  | { readonly kind: 'repaired'; readonly time: string; readonly bytes: number; readonly sha256: string }
  /** The file ended before what had been written to it. */
  | {
      readonly kind: 'gap';
      readonly time: string;
      readonly from: number;
      readonly to: number;
      readonly head: string;
    }
  /** Older files were removed because there were as many as are kept; `head` is the hash of their last record. */
  | { readonly kind: 'pruned'; readonly time: string; readonly through: number; readonly head: string }
  /** All up to the record `at`, whose hash is `head`, is signed by a workload's key. */
  | {
      readonly kind: 'checkpoint';
      readonly time: string;
      readonly at: number;
      readonly head: string;
      readonly signer: string;
      readonly certificates: string;
      readonly signature: string;
    }
  /** How far another chain had come: who shortens that one would have to change this one, too. */
  | {
      readonly kind: 'anchor';
      readonly time: string;
      readonly chain: string;
      /** The number of its last record. */
      readonly at: number;
      readonly head: string;
    };

export type AuditRecord = CallRecord | ChangeRecord | CertificateRecord | ChainRecord;

/** Where a chain is: the number and the hash of its last record. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

/** Before the first record. */
export const chainStart: ChainHead = { seq: 0, hash: '0'.repeat(64) };

export const sha256 = (bytes: string | Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

/** Text of others cannot end a line, nor say anything to a terminal: whatever is not printable ASCII is escaped. */
const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** The line of a record with its line end, and where the chain is after it. */
export function encodeRecord(
  record: AuditRecord,
  previous: ChainHead,
): { readonly line: string; readonly head: ChainHead } {
  const seq = previous.seq + 1;
  const body = asciiJson({ seq, ...record, prev: previous.hash }).slice(0, -1);
  const hash = sha256(body);
  return { line: `${body},"hash":"${hash}"}\n`, head: { seq, hash } };
}

/** A record as it was read. */
export interface ReadRecord {
  readonly seq: number;
  readonly kind: string;
  readonly prev: string;
  readonly hash: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const hashPart = /^(\{.*),"hash":"([0-9a-f]{64})"\}$/s;

/** A line without its line end; `not-a-record`, or `changed` where its own hash is not that of its text. */
export function decodeRecord(line: string): ReadRecord | 'not-a-record' | 'changed' {
  const [, body, hash] = hashPart.exec(line) ?? [];
  if (body === undefined || hash === undefined) return 'not-a-record';
  const fields = parseObject(`${body}}`);
  if (fields === undefined) return 'not-a-record';
  const { seq, kind, prev } = fields;
  if (typeof seq !== 'number' || typeof kind !== 'string' || typeof prev !== 'string') return 'not-a-record';
  return sha256(body) === hash ? { seq, kind, prev, hash, fields } : 'changed';
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value))
      : undefined;
  } catch {
    return undefined;
  }
}
