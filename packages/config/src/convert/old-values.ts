// Values that all rules of config.istio.io/v1alpha2 share: services, matches, durations. Checked here, written out again as they were.
import { andThen, type Decoder, list, mapOf, text } from '../decode/decoder.ts';
import { type Decoded, object, optional, withDefault } from '../decode/object.ts';
import { refuse } from '../decode/walk.ts';
import { positiveDuration } from '../values/duration.ts';
import { hostName } from '../values/host.ts';
import { dnsLabel } from '../values/names.ts';
import { isMap } from '../values/plain-map.ts';
import type { StringMatch } from '../values/shapes.ts';
import { nonEmptyStringMatch } from '../values/string-match.ts';
import { labels } from '../values/text-map.ts';

/** A full host; today one label alone means a service of the rule's namespace. */
const fullHost: Decoder<string> = andThen(hostName({ wildcard: true }), (host, walk) =>
  host.includes('.')
    ? host
    : refuse(walk, {
        code: 'not-convertible',
        message: `"${host}" has one label, which today means a service of the rule's namespace`,
        remedy: 'write "name" for such a service, or a host with dots',
      }),
);

/** `IstioService` of istio/api 0.3.0, routing/v1alpha1/route_rule.proto. */
const serviceFields = {
  name: optional(dnsLabel),
  namespace: optional(dnsLabel),
  domain: optional(hostName()),
  service: optional(fullHost),
  labels: optional(labels),
};

const written = object(serviceFields);
export type OldService = Decoded<typeof serviceFields>;

/** A service by its short name, or by its full host in `service`. */
export const oldService: Decoder<OldService> = andThen(written, (service, walk) => {
  if (service.name !== undefined || service.service !== undefined) return service;
  return refuse(walk, {
    code: 'missing-field',
    message: 'names no service',
    remedy: 'add "name" (short) or "service" (the full host)',
  });
});

/** The rule speaks of all versions: labels are not allowed. */
export const wholeService: Decoder<OldService> = andThen(oldService, (service, walk) =>
  service.labels === undefined
    ? service
    : refuse(
        walk,
        {
          code: 'conflicting-fields',
          message: 'a destination has no labels here',
          remedy: 'write them under "route"',
        },
        'labels',
      ),
);

/** A duration, as text. */
export const durationText: Decoder<string> = (value, walk) =>
  positiveDuration(value, walk) === undefined ? undefined : String(value);

/** `exact`, `prefix` or `regex`; a bare text is exact. */
const headerMatch: Decoder<StringMatch> = (value, walk) =>
  isMap(value)
    ? nonEmptyStringMatch(value, walk)
    : andThen(text, (exact): StringMatch => ({ kind: 'exact', value: exact }))(value, walk);

const subnets = object({
  sourceSubnet: optional(list(text)),
  destinationSubnet: optional(list(text)),
});

/** `MatchCondition`. */
const matchFields = {
  source: optional(oldService),
  tcp: optional(subnets),
  request: optional(object({ headers: withDefault(mapOf(headerMatch), {}) })),
};

export type OldMatch = Decoded<typeof matchFields>;

const matchObject = object(matchFields, { later: ['udp'] });

export const oldMatch: Decoder<OldMatch> = andThen(matchObject, (match, walk) => {
  if (match.tcp?.sourceSubnet !== undefined) {
    return refuse(
      walk,
      {
        code: 'not-convertible',
        message: 'no kind of today selects clients by address',
        remedy: 'select them by "source.labels", or write an AuthorizationPolicy with ipBlocks',
      },
      'tcp',
      'sourceSubnet',
    );
  }
  return match;
});
