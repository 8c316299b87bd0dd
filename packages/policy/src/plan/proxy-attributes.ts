// Which attributes a proxy knows exactly as the vocabulary means them, by the tests it can make.
import type { AuthorizationAttribute } from '@xebec/model';

export interface ProxyAttribute {
  readonly attribute: AuthorizationAttribute;
  /** Every request has it, so that reading it never fails. */
  readonly isAlwaysThere: boolean;
  /** Connections have none of it. */
  readonly isOfRequests: boolean;
  /** Values are addresses: only whole ones and blocks can be compared. */
  readonly isAddress?: true;
  /** Values are whole numbers: only one of them can be compared, and it is no text. */
  readonly isNumber?: true;
  /** Of a map that is always there: without a default, what is absent is empty. */
  readonly isMapKey?: true;
  /** How access logs and bodies of answers spell its value. */
  readonly format: string;
}

const header = (name: string, isAlwaysThere: boolean): ProxyAttribute => ({
  attribute: { header: name },
  isAlwaysThere,
  isOfRequests: true,
  format: `%REQ(${name.toUpperCase()})%`,
});

const known: ReadonlyMap<string, ProxyAttribute> = new Map([
  ['request.method', header(':method', true)],
  ['request.path', header(':path', true)],
  ['request.host', header(':authority', true)],
  ['request.scheme', header(':scheme', true)],
  ['request.useragent', header('user-agent', false)],
  ['request.referer', header('referer', false)],
  [
    'source.ip',
    {
      attribute: 'peer-address',
      isAlwaysThere: true,
      isOfRequests: false,
      isAddress: true,
      format: '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%',
    },
  ],
  [
    'destination.port',
    {
      attribute: 'destination-port',
      isAlwaysThere: true,
      isOfRequests: false,
      isNumber: true,
      format: '%DOWNSTREAM_LOCAL_PORT%',
    },
  ],
  [
    'source.principal',
    {
      attribute: 'principal',
      isAlwaysThere: false,
      isOfRequests: false,
      format: '%DOWNSTREAM_PEER_URI_SAN%',
    },
  ],
  [
    'connection.requested_server_name',
    {
      attribute: 'server-name',
      isAlwaysThere: false,
      isOfRequests: false,
      format: '%REQUESTED_SERVER_NAME%',
    },
  ],
  [
    'request.auth.principal',
    { attribute: 'request-principal', isAlwaysThere: false, isOfRequests: true, format: '-' },
  ],
]);

const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** Undefined where a proxy cannot tell, or tells something else. */
export function proxyAttribute(name: string, key?: string): ProxyAttribute | undefined {
  if (key === undefined) return known.get(name);
  if (name === 'request.headers' && token.test(key)) return { ...header(key, false), isMapKey: true };
  return undefined;
}
