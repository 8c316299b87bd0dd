// The questions that the benchmark asks: what programs say, and what a proxy says of a request of ordinary size.
import { create, toBinary } from '@bufbuild/protobuf';
import { CheckRequestSchema as AuthorizationRequestSchema } from '@xebec/protos/envoy/service/auth/v3/external_auth_pb';
import { CheckRequestSchema } from '@xebec/protos/xebec/policy/v1/policy_pb';

export const userOf = (call: number): string => `user-${call}`;

const text = (value: string) => ({ value: { case: 'stringValue' as const, value } });

/** As `ownAttributes`, on the wire. */
export const ownMessage = (user: string): Uint8Array =>
  toBinary(
    CheckRequestSchema,
    create(CheckRequestSchema, {
      attributes: {
        attributes: {
          'api.service': text('models'),
          'api.operation': text('complete'),
          'request.path': text('/v1/chat/completions'),
          'request.headers': {
            value: { case: 'stringMapValue', value: { entries: { 'x-user': user, accept: '*/*' } } },
          },
        },
      },
    }),
  );

/** What the client of programs is given. */
export const ownAttributes = (user: string) => ({
  'api.service': 'models',
  'api.operation': 'complete',
  'request.path': '/v1/chat/completions',
  'request.headers': { 'x-user': user, accept: '*/*' },
});

/** The same over HTTP: types as the JSON API writes them. */
export const jsonMessage = (user: string): string => JSON.stringify({ attributes: ownAttributes(user) });

const at = (address: string, port: number) => ({
  address: {
    address: {
      case: 'socketAddress' as const,
      value: { address, portSpecifier: { case: 'portValue' as const, value: port } },
    },
  },
});

const path = '/reviews/7?verbose=1';

/** What Envoy 1.40 sends about a request. */
export const proxyMessage = (user: string): Uint8Array =>
  toBinary(
    AuthorizationRequestSchema,
    create(AuthorizationRequestSchema, {
      attributes: {
        source: { ...at('127.30.2.1', 41_000), principal: 'spiffe://cluster.local/ns/bench/sa/client' },
        destination: { ...at('127.30.2.4', 8_080), principal: 'spiffe://cluster.local/ns/bench/sa/asked' },
        request: {
          time: { seconds: 1_800_000_000n, nanos: 5_000_000 },
          http: {
            id: '1234567890123456789',
            method: 'GET',
            path,
            ...{ host: 'asked.bench.example:8080', scheme: 'http', size: -1n, protocol: 'HTTP/1.1' },
            headers: {
              ':authority': 'asked.bench.example:8080',
              ':method': 'GET',
              ':path': path,
              ':scheme': 'http',
              'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)',
              accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
              'accept-language': 'en-US,en;q=0.5',
              'x-forwarded-proto': 'http',
              'x-request-id': '6f1b1e1e-3b0e-9d5e-8c0c-1f2e3d4c5b6a',
              'x-user': user,
            },
          },
        },
        metadataContext: { filterMetadata: { 'xebec.peer': { workload: 'client' } } },
      },
    }),
  );
