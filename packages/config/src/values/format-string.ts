// Envoy's command operators in header values: a stray percent sign makes Envoy refuse the whole listener or route.
import { quote } from '../decode/decoder.ts';
import type { Complaint } from '../decode/walk.ts';

/** Operators that Envoy 1.40 takes in header values; `parameter` tells whether it needs one in parentheses. */
const operators: ReadonlyMap<string, 'none' | 'needed' | 'possible'> = new Map([
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
  ['DOWNSTREAM_PEER_CERT_V_END', 'possible'],
  ['DOWNSTREAM_PEER_CERT_V_START', 'possible'],
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
  ['DYNAMIC_METADATA', 'needed'],
  ['FILTER_STATE', 'needed'],
  ['HOSTNAME', 'none'],
  ['METADATA', 'needed'],
  ['PROTOCOL', 'none'],
  ['REQ', 'needed'],
  ['REQUESTED_SERVER_NAME', 'none'],
  ['REQUEST_DURATION', 'none'],
  ['RESP', 'needed'],
  ['RESPONSE_CODE', 'none'],
  ['RESPONSE_CODE_DETAILS', 'none'],
  ['RESPONSE_DURATION', 'none'],
  ['RESPONSE_FLAGS', 'none'],
  ['ROUTE_NAME', 'none'],
  ['START_TIME', 'possible'],
  ['STREAM_ID', 'none'],
  ['UPSTREAM_CLUSTER', 'none'],
  ['UPSTREAM_HOST', 'none'],
  ['UPSTREAM_LOCAL_ADDRESS', 'none'],
  ['UPSTREAM_REMOTE_ADDRESS', 'none'],
  ['UPSTREAM_REQUEST_ATTEMPT_COUNT', 'none'],
  ['UPSTREAM_TRANSPORT_FAILURE_REASON', 'none'],
  ['VIRTUAL_CLUSTER_NAME', 'none'],
]);

const operator = /%(?:%|([A-Z][A-Z0-9_]{0,63})(\([^%()]{1,256}\))?(?::\d{1,5})?%)/y;

/** A complaint about a percent sign that starts no known operator. */
export function checkFormat(value: string): Complaint | undefined {
  for (let at = value.indexOf('%'); at >= 0; at = value.indexOf('%', at)) {
    operator.lastIndex = at;
    const found = operator.exec(value);
    if (found === null || !isKnown(found[1], found[2])) return strayPercent(value.slice(at, at + 40));
    at += found[0].length;
  }
  return undefined;
}

function isKnown(name: string | undefined, parameter: string | undefined): boolean {
  if (name === undefined) return true;
  const need = operators.get(name);
  if (need === undefined || (need === 'none' && parameter !== undefined)) return false;
  return need !== 'needed' || parameter !== undefined;
}

const strayPercent = (from: string): Complaint => ({
  code: 'invalid-format',
  message: `${quote(from)} does not start with one of Envoy's operators`,
  remedy: 'write %% for a percent sign, or an operator such as %DOWNSTREAM_REMOTE_ADDRESS% or %REQ(x-user)%',
});
