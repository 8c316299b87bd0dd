// `extensionProviders`: who may be asked about calls. Providers of other kinds are not followed and said to be so.
import { andThen, boolean, type Decoder, integer, list, mapOf, quote, text } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { type Complaint, refuse, type Walk } from '../../decode/walk.ts';
import { positiveDuration } from '../../values/duration.ts';
import { hostName } from '../../values/host.ts';
import { checkMatchedHeader, printable } from '../../values/http.ts';
import { dnsLabel } from '../../values/names.ts';
import { port } from '../../values/numbers.ts';
import { emptyMap } from '../../values/plain-map.ts';
import type { TextMap } from '../../values/shapes.ts';
import type { TextPattern } from '../authorization-policy/spec.ts';
import { patternOf } from '../authorization-policy/values.ts';
import type { ExtensionProviderSpec } from './spec.ts';

/** `HOST`, or `NAMESPACE/HOST`. */
const service: Decoder<ExtensionProviderSpec['service']> = andThen(text, (written, walk) => {
  const slash = written.indexOf('/');
  const namespace = slash < 0 ? undefined : dnsLabel(written.slice(0, slash), walk);
  const host = hostName()(written.slice(slash + 1), walk);
  if (host === undefined || (slash >= 0 && namespace === undefined)) return undefined;
  return { ...(namespace === undefined ? {} : { namespace }), host };
});

/** What Envoy can answer with. */
const errorCodes = new Set([
  400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 423,
  424, 426, 428, 429, 431, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511,
]);

const errorStatus: Decoder<number> = (value, walk) => {
  const code = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value;
  if (typeof code === 'number' && errorCodes.has(code)) return code;
  const shown = typeof value === 'string' || typeof value === 'number' ? quote(String(value)) : 'this';
  return refuse(walk, {
    code: 'invalid-status',
    message: `${shown} is not an HTTP status for an error`,
    remedy: 'write one such as "503"',
  });
};

/** Names of headers are the same in any case. */
const headerPattern: Decoder<TextPattern> = andThen(text, (written, walk) => {
  const complaint = checkMatchedHeader(written.replaceAll('*', '') || 'x');
  return complaint === undefined ? patternOf(written.toLowerCase(), walk) : refuse(walk, complaint);
});
const headerPatterns = withDefault<readonly TextPattern[]>(list(headerPattern, { most: 1_000 }), []);

const pathPrefix: Decoder<string> = andThen(printable, (written, walk) =>
  /^\/[^?#\s]*$/.test(written)
    ? written
    : refuse(walk, {
        code: 'invalid-path',
        message: `${quote(written)} is not a path`,
        remedy: 'write one that begins with "/", without a query',
      }),
);

const shared = {
  service: required(service),
  port: required(port),
  /** Istio's: it waits nearly for ever. */
  timeout: withDefault(positiveDuration, 600_000),
  failOpen: withDefault(boolean, false),
  clearRouteCache: withDefault(boolean, false),
  statusOnError: optional(errorStatus),
};
const bodyShape = {
  maxRequestBytes: required(integer(1, 0xffff_ffff)),
  allowPartialMessage: withDefault(boolean, false),
};
const packed = { packAsBytes: withDefault(boolean, false) };

const grpcShape = { ...shared, includeRequestBodyInCheck: optional(object({ ...bodyShape, ...packed })) };
const httpShape = {
  ...shared,
  pathPrefix: withDefault(pathPrefix, ''),
  includeRequestHeadersInCheck: headerPatterns,
  /** The old name, whose values are whole names. */
  includeHeadersInCheck: headerPatterns,
  includeAdditionalHeadersInCheck: withDefault<TextMap>(
    mapOf(printable, checkMatchedHeader, 1_000),
    emptyMap,
  ),
  includeRequestBodyInCheck: optional(object({ ...bodyShape, ...packed })),
  headersToUpstreamOnAllow: headerPatterns,
  headersToDownstreamOnDeny: headerPatterns,
  headersToDownstreamOnAllow: headerPatterns,
};

type Asked = Omit<ExtensionProviderSpec, 'name'>;

const sharedOf = (
  value: Decoded<typeof grpcShape> | Decoded<typeof httpShape>,
): Omit<Asked, 'protocol' | 'http'> => {
  const { statusOnError, includeRequestBodyInCheck: body } = value;
  return {
    service: value.service,
    port: value.port,
    timeoutMs: value.timeout,
    failOpen: value.failOpen,
    clearRouteCache: value.clearRouteCache,
    ...(statusOnError === undefined ? {} : { statusOnError }),
    ...(body === undefined ? {} : { body }),
  };
};

const grpc: Decoder<Asked> = andThen(object(grpcShape), (value) => ({
  protocol: 'grpc',
  ...sharedOf(value),
}));

const http: Decoder<Asked> = andThen(object(httpShape), (value) => {
  const { includeRequestHeadersInCheck: asked, includeHeadersInCheck: old } = value;
  return {
    protocol: 'http',
    ...sharedOf(value),
    http: {
      pathPrefix: value.pathPrefix,
      requestHeaders: asked.length > 0 ? asked : old,
      additionalHeaders: value.includeAdditionalHeadersInCheck,
      headersToUpstreamOnAllow: value.headersToUpstreamOnAllow,
      headersToDownstreamOnDeny: value.headersToDownstreamOnDeny,
      headersToDownstreamOnAllow: value.headersToDownstreamOnAllow,
    },
  };
});

const others = [
  'datadog',
  'envoyFileAccessLog',
  'envoyHttpAls',
  'envoyOtelAls',
  'envoyTcpAls',
  'lightstep',
  'opencensus',
  'opentelemetry',
  'prometheus',
  'sds',
  'skywalking',
  'stackdriver',
  'zipkin',
];

const name: Decoder<string> = andThen(printable, (written, walk) =>
  /^[\w.-]{1,253}$/.test(written)
    ? written
    : refuse(walk, {
        code: 'invalid-name',
        message: `${quote(written)} is not the name of a provider`,
        remedy: 'use letters, digits, "-", "_" and "."',
      }),
);

const shape = { name: required(name), envoyExtAuthzHttp: optional(http), envoyExtAuthzGrpc: optional(grpc) };

const conflicting: Complaint = {
  code: 'conflicting-fields',
  message: 'a provider is of one kind',
  remedy: 'keep envoyExtAuthzHttp or envoyExtAuthzGrpc',
};

/** Empty for a provider that answers no questions about calls. */
function check(value: Decoded<typeof shape>, walk: Walk): readonly ExtensionProviderSpec[] | undefined {
  const { envoyExtAuthzHttp, envoyExtAuthzGrpc } = value;
  if (envoyExtAuthzHttp !== undefined && envoyExtAuthzGrpc !== undefined) return refuse(walk, conflicting);
  const asked = envoyExtAuthzHttp ?? envoyExtAuthzGrpc;
  return asked === undefined ? [] : [{ name: value.name, ...asked }];
}

export const extensionProviders: Decoder<readonly ExtensionProviderSpec[]> = andThen(
  list(andThen(object(shape, { inert: others, isTolerant: true }), check), { most: 1_000 }),
  (lists, walk) => {
    const providers = lists.flat();
    const names = providers.map((provider) => provider.name);
    const twice = names.find((each, index) => names.indexOf(each) !== index);
    if (twice === undefined) return providers;
    const message = `there are two providers ${quote(twice)}`;
    return refuse(walk, { code: 'duplicate-name', message, remedy: 'give one of them another name' });
  },
);
