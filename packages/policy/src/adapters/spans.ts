// Spans of calls, as tracing backends want them. Rule: a span without valid identifiers is no span.
import { Timestamp } from '../attributes/value.ts';
import type { Instance } from '../templates/template.ts';
import { fieldsOf, textOf } from './texts.ts';

export interface CallSpan {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits; so is the parent's. */
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly isClient: boolean;
  /** Nanoseconds since 1970. */
  readonly start: bigint;
  readonly end: bigint;
  readonly localName: string;
  readonly remoteName: string;
  readonly httpStatus: number | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

/** `nowMs` stands in for times that are not told. */
export function spanOf(instance: Instance, nowMs: number): CallSpan | undefined {
  const { fields } = instance;
  const traceId = identifier(textOf(fields['trace_id']), 32);
  const written = identifier(textOf(fields['span_id']), 16);
  if (traceId === undefined || written === undefined) return undefined;
  const isClient = fields['client_span'] === true;
  const status = fields['httpStatusCode'];
  const source = textOf(fields['source_name']);
  const destination = textOf(fields['destination_name']);
  const end = timeOf(fields['end_time']) ?? BigInt(nowMs) * 1_000_000n;
  const start = timeOf(fields['start_time']) ?? end;
  return {
    traceId,
    ...identifiersOf(instance, written, isClient),
    name: textOf(fields['span_name']) || instance.name,
    isClient,
    start,
    end: end < start ? start : end,
    localName: isClient ? source : destination,
    remoteName: isClient ? destination : source,
    httpStatus: typeof status === 'bigint' && status > 0n ? Number(status) : undefined,
    tags: tagsOf(instance),
  };
}

const timeOf = (value: unknown): bigint | undefined =>
  value instanceof Timestamp && value.nanoseconds >= 0n ? value.nanoseconds : undefined;

/** Shorter ones are of 64 bits: filled up with zeroes. All zeroes identify nothing. */
function identifier(written: string, length: number): string | undefined {
  if (!/^[0-9a-f]{1,32}$/i.test(written) || written.length > length || /^0+$/.test(written)) return undefined;
  return written.toLowerCase().padStart(length, '0');
}

/** Both ends of a call share a span's identifier in Zipkin's headers; where each shall have its own, the client's is derived. */
function identifiersOf({ fields }: Instance, written: string, isClient: boolean) {
  const parentSpanId = identifier(textOf(fields['parent_span_id']), 16);
  if (fields['rewrite_client_span_id'] !== true) return { spanId: written, parentSpanId };
  const derived = (BigInt(`0x${written}`) ^ 0x5bd1_e995_9e37_79b9n).toString(16).padStart(16, '0');
  return isClient ? { spanId: derived, parentSpanId } : { spanId: written, parentSpanId: derived };
}

const sizes = ['request_size', 'request_total_size', 'response_size', 'response_total_size'];

function tagsOf({ fields }: Instance): Readonly<Record<string, string>> {
  const own = Object.entries(fieldsOf(fields['span_tags'])).map(
    ([name, value]) => [name, textOf(value)] as const,
  );
  const rest = [...sizes, 'api_protocol', 'source_ip', 'destination_ip'].flatMap((name) => {
    const value = textOf(fields[name]);
    return value === '' || value === '0' ? [] : [[name, value] as const];
  });
  return Object.fromEntries([...rest, ...own]);
}

/** The same answer for all spans of a trace. */
export const isSampled = ({ traceId }: CallSpan, probability: number): boolean =>
  probability >= 1 || Number.parseInt(traceId.slice(-8), 16) / 0x1_0000_0000 < probability;
