// Envoy's command operators in header values: a stray percent sign makes Envoy refuse the whole listener or route.
import { quote } from '../decode/decoder.ts';
import type { Complaint } from '../decode/walk.ts';

type ParameterKind = 'none' | 'time' | 'header' | 'path' | 'state' | 'typed-path';

const parameters: Readonly<Record<ParameterKind, RegExp>> = {
  none: /^(?!)/,
  time: /^(?:[\w:./-]|%[A-Za-z])+$/,
  header: /^:?[\w-]+(?:\?:?[\w-]+)?$/,
  path: /^[\w./-]+(?::[\w./-]+)*$/,
  state: /^[\w./-]+(?::(?:PLAIN|TYPED))?$/,
  'typed-path': /^(?:ROUTE|CLUSTER|UPSTREAM_HOST|DYNAMIC)(?::[\w./-]+)+$/,
};

/** Operators that Envoy 1.40 takes in header values, by what stands in their parentheses. */
const operators: ReadonlyMap<string, ParameterKind> = new Map([
  ['BYTES_RECEIVED', 'none'],
  ['BYTES_SENT', 'none'],
  ['CONNECTION_ID', 'none'],
  ['CONNECTION_TERMINATION_DETAILS', 'none'],
  ['DOWNSTREAM_DIRECT_LOCAL_ADDRESS', 'none'],
  ['DOWNSTREAM_DIRECT_REMOTE_ADDRESS', 'none'],
  ['DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT', 'none'],
  ['DOWNSTREAM_LOCAL_ADDRESS', 'none'],
  ['DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT', 'none'],
  ['DOWNSTREAM_LOCAL_PORT', 'none'],
  ['DOWNSTREAM_LOCAL_SUBJECT', 'none'],
  ['DOWNSTREAM_LOCAL_URI_SAN', 'none'],
  ['DOWNSTREAM_PEER_CERT', 'none'],
  ['DOWNSTREAM_PEER_CERT_V_END', 'time'],
  ['DOWNSTREAM_PEER_CERT_V_START', 'time'],
  ['DOWNSTREAM_PEER_FINGERPRINT_1', 'none'],
  ['DOWNSTREAM_PEER_FINGERPRINT_256', 'none'],
  ['DOWNSTREAM_PEER_ISSUER', 'none'],
  ['DOWNSTREAM_PEER_SERIAL', 'none'],
  ['DOWNSTREAM_PEER_SUBJECT', 'none'],
  ['DOWNSTREAM_PEER_URI_SAN', 'none'],
  ['DOWNSTREAM_REMOTE_ADDRESS', 'none'],
  ['DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT', 'none'],
  ['DOWNSTREAM_REMOTE_PORT', 'none'],
  ['DOWNSTREAM_TLS_CIPHER', 'none'],
  ['DOWNSTREAM_TLS_SESSION_ID', 'none'],
  ['DOWNSTREAM_TLS_VERSION', 'none'],
  ['DURATION', 'none'],
  ['DYNAMIC_METADATA', 'path'],
  ['FILTER_STATE', 'state'],
  ['HOSTNAME', 'none'],
  ['METADATA', 'typed-path'],
  ['PROTOCOL', 'none'],
  ['REQ', 'header'],
  ['REQUESTED_SERVER_NAME', 'none'],
  ['REQUEST_DURATION', 'none'],
  ['RESP', 'header'],
  ['RESPONSE_CODE', 'none'],
  ['RESPONSE_CODE_DETAILS', 'none'],
  ['RESPONSE_DURATION', 'none'],
  ['RESPONSE_FLAGS', 'none'],
  ['ROUTE_NAME', 'none'],
  ['START_TIME', 'time'],
  ['STREAM_ID', 'none'],
  ['UPSTREAM_CLUSTER', 'none'],
  ['UPSTREAM_HOST', 'none'],
  ['UPSTREAM_LOCAL_ADDRESS', 'none'],
  ['UPSTREAM_REMOTE_ADDRESS', 'none'],
  ['UPSTREAM_REQUEST_ATTEMPT_COUNT', 'none'],
  ['UPSTREAM_TRANSPORT_FAILURE_REASON', 'none'],
  ['VIRTUAL_CLUSTER_NAME', 'none'],
]);

const operator = /%(?:%|([A-Z][A-Z0-9_]{0,63})(?:\(([^()\s]{1,256})\))?(:[1-9]\d{0,3})?%)/y;

/** A complaint about a percent sign that starts no known operator. */
export function checkFormat(value: string): Complaint | undefined {
  for (let at = value.indexOf('%'); at >= 0; at = value.indexOf('%', at)) {
    operator.lastIndex = at;
    const found = operator.exec(value);
    if (found === null || !isKnown(found)) return strayPercent(value.slice(at, at + 40));
    at += found[0].length;
  }
  return undefined;
}

function isKnown([, name, parameter, length]: RegExpExecArray): boolean {
  if (name === undefined) return true;
  const kind = operators.get(name);
  if (kind === undefined) return false;
  if (length !== undefined && kind !== 'header' && kind !== 'path' && kind !== 'state') return false;
  return parameter === undefined ? kind === 'none' || kind === 'time' : parameters[kind].test(parameter);
}

const strayPercent = (from: string): Complaint => ({
  code: 'invalid-format',
  message: `${quote(from)} does not start with one of Envoy's operators`,
  remedy: 'write %% for a percent sign, or an operator such as %DOWNSTREAM_REMOTE_ADDRESS% or %REQ(x-user)%',
});
