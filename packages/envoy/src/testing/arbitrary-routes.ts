// Random VirtualServices for a host, over destinations that whoever reads the rules can reach.
import fc from 'fast-check';

/** A host that may be called, and who may: everybody, or its own namespace. */
export interface Backend {
  readonly host: string;
  readonly namespace: string;
  readonly ports: readonly number[];
  readonly isPrivate: boolean;
}

export const subsets = ['v1', 'v2', 'none'] as const;

const text = fc.constantFrom('/a', '/a/b', 'x', '%', 'ü', 'a\'b"c\\', 'a,b');
const stringMatch = fc.oneof(
  text.map((exact) => ({ exact })),
  text.map((prefix) => ({ prefix })),
  fc.constantFrom('a+', '.*', '[^/]+/(x|y){2,3}', '(?i)abc').map((regex) => ({ regex })),
);
const maybePresent = fc.oneof(stringMatch, fc.constant({}));
const headerName = fc.constantFrom('x-a', 'X-B', 'cookie', ':path', 'end-user');
const queryName = fc.constantFrom('q', 'a b', 'ü');

const match = fc.record(
  {
    name: fc.constantFrom('m', 'a b'),
    uri: stringMatch,
    ignoreUriCase: fc.boolean(),
    method: stringMatch,
    scheme: fc.constantFrom({ exact: 'http' }, { exact: 'https' }),
    authority: stringMatch,
    headers: fc.dictionary(headerName, maybePresent, { maxKeys: 2 }),
    withoutHeaders: fc.dictionary(headerName, maybePresent, { maxKeys: 2 }),
    queryParams: fc.dictionary(queryName, maybePresent, { maxKeys: 2 }),
    port: fc.constantFrom(80, 81, 90),
    statPrefix: fc.constantFrom('p', 'a b'),
    sourceNamespace: fc.constantFrom('a', 'b'),
    sourceLabels: fc.constantFrom({ app: 'web' }, {}),
  },
  { requiredKeys: [] },
);

const values = fc.constantFrom('a', 'a b', '100%%', '%REQ(x-a)%', '"quoted"', '%DOWNSTREAM_REMOTE_ADDRESS%');
const operations = fc.record(
  {
    set: fc.dictionary(fc.constantFrom('x-s', 'X-T'), values, { maxKeys: 2 }),
    add: fc.dictionary(fc.constantFrom('x-u', 'x-v'), values, { maxKeys: 2 }),
    remove: fc.uniqueArray(fc.constantFrom('x-r', 'server'), { maxLength: 2 }),
  },
  { requiredKeys: [] },
);
const headers = fc.record({ request: operations, response: operations }, { requiredKeys: [] });

const percentage = fc.constantFrom(0, 0.001, 12.5, 100).map((value) => ({ value }));
const duration = fc.constantFrom('1ms', '1.5s', '1h');

const fault = fc.oneof(
  fc.record({ delay: fc.record({ fixedDelay: duration, percentage }) }),
  fc.record({ abort: fc.record({ httpStatus: fc.integer({ min: 200, max: 599 }), percentage }) }),
  fc.record({ delay: fc.record({ fixedDelay: duration, percent: fc.integer({ min: 0, max: 100 }) }) }),
  fc.record({ abort: fc.record({ grpcStatus: fc.constantFrom('UNAVAILABLE', 'OK'), percentage }) }),
);

const retries = fc.oneof(
  fc.constant({ attempts: 0 }),
  fc.record(
    {
      attempts: fc.integer({ min: 1, max: 5 }),
      perTryTimeout: duration,
      retryOn: fc.constantFrom('5xx', '503,409', 'retriable-status-codes', 'gateway-error,cancelled,500'),
      backoff: duration,
      retryRemoteLocalities: fc.boolean(),
      retryIgnorePreviousHosts: fc.boolean(),
    },
    { requiredKeys: ['attempts'] },
  ),
);

const corsWith = (origins: Readonly<Record<string, fc.Arbitrary<unknown>>>) =>
  fc.record({ ...origins, ...corsRest }, { requiredKeys: [] });
const corsRest = {
  allowMethods: fc.constantFrom([], ['GET', 'POST']),
  maxAge: duration,
  allowCredentials: fc.boolean(),
  unmatchedPreflights: fc.constantFrom('UNSPECIFIED', 'FORWARD', 'IGNORE'),
};
const cors = fc.oneof(
  corsWith({ allowOrigins: fc.array(stringMatch, { maxLength: 2 }) }),
  corsWith({ allowOrigin: fc.array(fc.constantFrom('*', 'https://a.example'), { maxLength: 2 }) }),
);

const path = fc.constantFrom('/', '/new', '/a%20b');
const rewrite = fc.oneof(
  fc.record({ uri: path }),
  fc.record({ authority: fc.constantFrom('a.example', '[::1]:80'), uri: path }),
  fc.constantFrom({ uriRegexRewrite: { match: '^/(a+)/(.*)', rewrite: '/\\2/\\1' } }),
);

const redirectWith = (parts: Readonly<Record<string, fc.Arbitrary<unknown>>>) =>
  fc.record({ ...parts, ...redirectRest }, { requiredKeys: ['derivePort'] });
const redirectRest = {
  authority: fc.constantFrom('a.example', 'a.example:80'),
  scheme: fc.constantFrom('http', 'https'),
  redirectCode: fc.constantFrom(301, 302, 303, 307, 308),
  derivePort: fc.constantFrom('FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT'),
};
const redirect = fc.oneof(
  redirectWith({
    uri: fc.oneof(
      path,
      path.map((text) => `%PREFIX()%${text}`),
    ),
  }),
  redirectWith({ prefixRewrite: path }),
);

const directResponse = fc.record(
  { status: fc.integer({ min: 200, max: 599 }), body: fc.constantFrom({ string: 'ü%"' }, { bytes: 'AAEC' }) },
  { requiredKeys: ['status'] },
);

const destination = (backends: readonly Backend[]) =>
  fc
    .constantFrom(...backends)
    .chain(({ host, ports }) =>
      fc.record({
        host: fc.constant(host),
        port: fc.constantFrom(...ports).map((number) => ({ number })),
        subset: fc.constantFrom('', ...subsets),
      }),
    )
    .map(({ subset, ...rest }) => (subset === '' ? rest : { ...rest, subset }));

const forward = (backends: readonly Backend[]) =>
  fc.record(
    {
      match: fc.array(match, { maxLength: 3 }),
      route: fc
        .array(
          fc.record({ destination: destination(backends), headers, weight: fc.integer({ min: 0, max: 9 }) }),
          {
            minLength: 1,
            maxLength: 3,
          },
        )
        .map(([first, ...rest]) => [{ ...first, weight: 5 }, ...rest]),
      rewrite,
      timeout: fc.constantFrom('0s', '1.5s'),
      retries,
      fault,
      corsPolicy: cors,
      headers,
      mirrors: fc.array(fc.record({ destination: destination(backends), percentage }), { maxLength: 2 }),
    },
    { requiredKeys: ['match', 'route'] },
  );

const answer = fc.oneof(
  fc.record({ match: fc.array(match, { maxLength: 2 }), redirect, headers }),
  fc.record({ match: fc.array(match, { maxLength: 2 }), directResponse, headers, fault }),
);

/** Rules of a private host, or to private ones, stay in its namespace; only others are open at the gateway. */
export function routeOf(host: Backend, backends: readonly Backend[]) {
  const reachable = backends.filter((each) => !each.isPrivate || each.namespace === host.namespace);
  const isClosed = host.isPrivate || reachable.some((each) => each.isPrivate);
  return fc
    .tuple(
      fc.array(fc.oneof(forward(reachable), forward(reachable), answer), { minLength: 1, maxLength: 4 }),
      fc.boolean(),
    )
    .map(([http, isAtGateway]) => ({
      namespace: host.namespace,
      name: `v-${host.host.split('.')[0]}`,
      spec: {
        hosts: [host.host],
        http,
        ...(isClosed ? { exportTo: ['.'] } : isAtGateway ? { gateways: ['mesh', 'a/edge'] } : {}),
      },
    }));
}
