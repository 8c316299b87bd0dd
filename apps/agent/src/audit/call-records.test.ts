// What a proxy logs, as records: who, what, decided how and by which rule.
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { AddressSchema } from '@xebec/protos/envoy/config/core/v3/address_pb';
import {
  type AccessLogCommonSchema,
  AccessLogType,
  HTTPAccessLogEntrySchema,
  TCPAccessLogEntrySchema,
} from '@xebec/protos/envoy/data/accesslog/v3/accesslog_pb';
import { describe, expect, test } from 'vitest';
import {
  createConnectionBook,
  recordOfRefusedConnection,
  recordOfRequest,
  recordOfSession,
} from './call-records.ts';

const whose = { workload: 'default/echo', pod: 'default/echo-1' };
const watch = 'ns[default]-policy[watch]-rule[1]';
const watched = { policy: 'AuthorizationPolicy/default/watch', rule: 1 };

const address = (ip: string, port: number) =>
  create(AddressSchema, {
    address: {
      case: 'socketAddress',
      value: { address: ip, portSpecifier: { case: 'portValue', value: port } },
    },
  });

type CommonInit = Exclude<MessageInitShape<typeof AccessLogCommonSchema>, { $typeName: string }>;

const commonOf = (init: CommonInit = {}): CommonInit => ({
  startTime: { seconds: 1n, nanos: 5_000_000 },
  downstreamLocalAddress: address('127.0.0.9', 8080),
  downstreamDirectRemoteAddress: address('::1', 5),
  tlsProperties: {
    peerCertificateProperties: {
      subjectAltName: [{ san: { case: 'uri', value: 'spiffe://cluster.local/ns/default/sa/client' } }],
    },
  },
  streamId: 'a',
  ...init,
});

describe('a request', () => {
  const requestOf = (
    details: string,
    metadata: Readonly<Record<string, Readonly<Record<string, string | { sub: string; iss: string }>>>> = {},
  ) =>
    recordOfRequest(
      create(HTTPAccessLogEntrySchema, {
        commonProperties: commonOf({
          metadata: { filterMetadata: metadata },
          customTags: { method: 'BREW', audit: '-' },
        }),
        request: {
          path: '/a?token=secret',
          authority: 'echo',
          requestId: 'r',
          requestHeaders: { 'content-type': 'application/grpc+proto' },
        },
        response: { responseCode: 403, responseCodeDetails: details },
      }),
      whose,
    );

  test('says who and what, without the query', () => {
    expect(
      requestOf('via_upstream', {
        'envoy.filters.http.rbac': { xebec_audit_shadow_effective_policy_id: watch },
        'envoy.filters.http.jwt_authn': { payload: { iss: 'issuer', sub: 'alice' } },
      }),
    ).toEqual({
      kind: 'call',
      time: '1970-01-01T00:00:01.005Z',
      ...whose,
      principal: 'spiffe://cluster.local/ns/default/sa/client',
      user: { issuer: 'issuer', subject: 'alice' },
      address: '[::1]:5',
      operation: { protocol: 'grpc', method: 'BREW', host: 'echo', path: '/a', port: 8080 },
      decision: 'allowed',
      audit: watched,
      requestId: 'r',
      status: 403,
    });
  });

  test('is denied by a rule, or because none allows it; or allowed by one', () => {
    expect(requestOf(`rbac_access_denied_matched_policy[${watch}]`)).toMatchObject({
      decision: 'denied',
      by: watched,
    });
    const none = requestOf('rbac_access_denied_matched_policy[none]');
    expect(none).toMatchObject({ decision: 'denied', reason: 'no ALLOW policy matches' });
    expect(none).not.toHaveProperty('by');
    const enforced = {
      enforced_engine_result: 'allowed',
      enforced_effective_policy_id: watch,
      xebec_audit_shadow_effective_policy_id: watch,
    };
    expect(requestOf('via_upstream', { 'envoy.filters.http.rbac': enforced })).toMatchObject({
      decision: 'allowed',
      by: watched,
    });
  });
});

test('what the application answers is no denial, and a bad token is one', () => {
  const answered = (responseCodeDetails: string) =>
    recordOfRequest(
      create(HTTPAccessLogEntrySchema, {
        commonProperties: commonOf(),
        response: { responseCode: 401, responseCodeDetails },
      }),
      whose,
    );
  expect(answered('via_upstream')).toBeUndefined();
  expect(answered('jwt_authn_access_denied{Jwt_verification_fails}')).toMatchObject({
    decision: 'denied',
    reason: 'jwt_authn_access_denied{Jwt_verification_fails}',
  });
});

test('a provider that said no names the policy that had it asked', () => {
  const denied = {
    responseFlags: { unauthorizedDetails: { reason: 1 } },
    metadata: {
      filterMetadata: {
        'envoy.filters.http.rbac': { istio_ext_authz_opa_shadow_effective_policy_id: watch },
      },
    },
  };
  const response = { responseCode: 403, responseCodeDetails: 'ext_authz_denied' };
  const entry = create(HTTPAccessLogEntrySchema, { commonProperties: commonOf(denied), response });
  expect(recordOfRequest(entry, whose)).toMatchObject({
    decision: 'denied',
    by: watched,
    reason: 'ext_authz_denied',
  });
});

describe('a connection', () => {
  const connection = (type: AccessLogType, init: CommonInit = {}) =>
    create(TCPAccessLogEntrySchema, { commonProperties: commonOf({ accessLogType: type, ...init }) });
  const { TcpUpstreamConnected: start, TcpConnectionEnd: end } = AccessLogType;
  const marked = { customTags: { audit: watch, verdict: '-' } };
  const refused = { customTags: { audit: '-', verdict: `rbac_access_denied_matched_policy[${watch}]` } };

  test('is recorded once: when its server is reached, or at its end', () => {
    const book = createConnectionBook();
    expect(book.recordOf(connection(start, marked), whose)).toMatchObject({
      decision: 'allowed',
      audit: watched,
    });
    expect(book.recordOf(connection(end, marked), whose)).toBeUndefined();
    expect(book.recordOf(connection(start), whose)).toBeUndefined();
    expect(book.recordOf(connection(end, marked), whose)).toMatchObject({ decision: 'allowed' });
    expect(book.recordOf(connection(end), whose)).toBeUndefined();
  });

  test('is recorded when it is denied, whether or not a rule marks it', () => {
    const book = createConnectionBook();
    expect(book.recordOf(connection(end, refused), whose)).toMatchObject({ decision: 'denied', by: watched });
  });

  test('names nobody when it has proven nothing', () => {
    const failed =
      'TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end';
    const record = recordOfRefusedConnection(
      connection(AccessLogType.NotSet, { downstreamTransportFailureReason: failed }),
      whose,
    );
    expect(record).toMatchObject({ decision: 'denied', reason: failed });
    expect(record?.principal).toBeUndefined();
    const broken =
      'TLS_error:|33554536:system library:OPENSSL_internal:Connection reset by peer:TLS_error_end';
    for (const downstreamTransportFailureReason of ['', broken])
      expect(
        recordOfRefusedConnection(
          connection(AccessLogType.NotSet, { downstreamTransportFailureReason }),
          whose,
        ),
      ).toBeUndefined();
    expect(
      recordOfRefusedConnection(
        connection(AccessLogType.NotSet, { responseFlags: { noRouteFound: true } }),
        whose,
      ),
    ).toMatchObject({ decision: 'denied' });
  });

  test('of a tunnel of datagrams that may not be opened is one of UDP', () => {
    const customTags = { ...refused.customTags, chain: '0.0.0.0_9001_udp_mutual_tls' };
    expect(recordOfRefusedConnection(connection(AccessLogType.NotSet, { customTags }), whose)).toMatchObject({
      decision: 'denied',
      operation: { protocol: 'udp', port: 8080 },
    });
    expect(recordOfSession(connection(AccessLogType.UdpSessionEnd), whose)).toMatchObject({
      decision: 'allowed',
      operation: { protocol: 'udp' },
    });
  });
});
