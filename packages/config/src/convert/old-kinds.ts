// The four kinds of the rule language of 2017: what a valid object of each holds (istio/api 0.3.0, routing/v1alpha1).
import { andThen, boolean, type Decoder, integer, list, mapOf, oneOf, text } from '../decode/decoder.ts';
import { type Decoded, exactlyOne, object, optional, required, withDefault } from '../decode/object.ts';
import { refuse } from '../decode/walk.ts';
import { percentage, port } from '../values/numbers.ts';
import { labels } from '../values/text-map.ts';
import { durationText, oldMatch, oldService, wholeService } from './old-values.ts';

/** What the rule language had in its proto and never in a proxy. */
const never = { later: ['custom', 'overrideHeaderName'] };
const anyInteger = integer(-0x8000_0000, 0x7fff_ffff);

const destinationWeight = object({
  destination: optional(oldService),
  labels: optional(labels),
  weight: optional(integer(0, 100)),
});

const delay = object(
  { percent: withDefault(percentage, 100), fixedDelay: required(durationText) },
  { later: ['exponentialDelay', 'overrideHeaderName'] },
);

const abort = andThen(
  object(
    {
      percent: withDefault(percentage, 100),
      httpStatus: optional(integer(200, 599)),
      grpcStatus: optional(text),
    },
    { later: ['http2Error', 'overrideHeaderName'] },
  ),
  (fault, walk) => (exactlyOne(fault, ['httpStatus', 'grpcStatus'], walk) ? fault : undefined),
);

const cors = object({
  allowOrigin: withDefault(list(text), []),
  allowMethods: optional(list(text)),
  allowHeaders: optional(list(text)),
  exposeHeaders: optional(list(text)),
  maxAge: optional(durationText),
  allowCredentials: optional(boolean),
});

const routeRuleFields = {
  destination: required(wholeService),
  precedence: withDefault(anyInteger, 0),
  match: optional(oldMatch),
  route: withDefault(list(destinationWeight), []),
  redirect: optional(object({ uri: optional(text), authority: optional(text) })),
  rewrite: optional(object({ uri: optional(text), authority: optional(text) })),
  websocketUpgrade: optional(boolean),
  httpReqTimeout: optional(
    object({ simpleTimeout: required(object({ timeout: required(durationText) }, never)) }, never),
  ),
  httpReqRetries: optional(
    object(
      {
        simpleRetry: required(
          object({ attempts: required(integer(0, 1_000)), perTryTimeout: optional(durationText) }, never),
        ),
      },
      never,
    ),
  ),
  httpFault: optional(object({ delay: optional(delay), abort: optional(abort) })),
  mirror: optional(oldService),
  corsPolicy: optional(cors),
  appendHeaders: optional(mapOf(text)),
};

export type RouteRule = Decoded<typeof routeRuleFields>;

export const routeRule: Decoder<RouteRule> = andThen(
  object(routeRuleFields, { later: ['l4Fault'] }),
  (rule, walk) => {
    const total = rule.route.reduce((sum, { weight = rule.route.length === 1 ? 100 : 0 }) => sum + weight, 0);
    if (rule.redirect !== undefined && rule.route.length > 0)
      return refuse(
        walk,
        { code: 'conflicting-fields', message: 'route and redirect exclude each other', remedy: 'keep one' },
        'redirect',
      );
    if (rule.redirect !== undefined && rule.rewrite !== undefined)
      return refuse(
        walk,
        {
          code: 'conflicting-fields',
          message: 'rewrite and redirect exclude each other',
          remedy: 'keep one',
        },
        'rewrite',
      );
    if (rule.route.length > 1 && total !== 100)
      return refuse(
        walk,
        { code: 'invalid-weights', message: `the weights sum to ${total}`, remedy: 'make them sum to 100' },
        'route',
      );
    return rule;
  },
);

const simpleBreaker = object({
  maxConnections: optional(integer(1, 0x7fff_ffff)),
  httpMaxPendingRequests: optional(integer(1, 0x7fff_ffff)),
  httpMaxRequests: optional(integer(1, 0x7fff_ffff)),
  sleepWindow: optional(durationText),
  httpConsecutiveErrors: optional(integer(1, 0x7fff_ffff)),
  httpDetectionInterval: optional(durationText),
  httpMaxRequestsPerConnection: optional(integer(1, 0x7fff_ffff)),
  httpMaxEjectionPercent: optional(integer(0, 100)),
});

const destinationPolicyFields = {
  destination: required(oldService),
  loadBalancing: optional(object({ name: required(oneOf('ROUND_ROBIN', 'LEAST_CONN', 'RANDOM')) }, never)),
  circuitBreaker: optional(object({ simpleCb: required(simpleBreaker) }, never)),
};

export type DestinationPolicy = Decoded<typeof destinationPolicyFields>;

export const destinationPolicy: Decoder<DestinationPolicy> = object(destinationPolicyFields, {
  later: ['source', 'custom'],
});

const egressPort = object({
  port: required(port),
  protocol: required((value, walk) =>
    oneOf(
      'HTTP',
      'HTTPS',
      'HTTP2',
      'GRPC',
      'TCP',
      'MONGO',
      'REDIS',
    )(typeof value === 'string' ? value.toUpperCase() : value, walk),
  ),
});

const egressRuleFields = {
  destination: required(
    object({ service: required(text) }, { ignored: ['name', 'namespace', 'domain', 'labels'] }),
  ),
  ports: required(list(egressPort, { least: 1 })),
  useEgressProxy: optional(boolean),
  use_egress_proxy: optional(boolean),
};

export type EgressRule = Decoded<typeof egressRuleFields>;

export const egressRule: Decoder<EgressRule> = andThen(object(egressRuleFields), (rule, walk) =>
  rule.useEgressProxy !== true && rule.use_egress_proxy !== true
    ? rule
    : refuse(walk, {
        code: 'not-convertible',
        message: 'the way through an egress proxy is written by hand today',
        remedy: 'remove "useEgressProxy", and add a Gateway and a VirtualService (see the guide on egress)',
      }),
);

const ingressRuleFields = {
  port: required(port),
  tlsSecret: optional(text),
  precedence: withDefault(anyInteger, 0),
  match: optional(oldMatch),
  destination: required(wholeService),
  destinationPort: optional(port),
  destinationPortName: optional(text),
};

export type IngressRule = Decoded<typeof ingressRuleFields>;

export const ingressRule: Decoder<IngressRule> = andThen(object(ingressRuleFields), (rule, walk) =>
  exactlyOne(rule, ['destinationPort', 'destinationPortName'], walk) ? rule : undefined,
);
