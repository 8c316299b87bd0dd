// One HTTP route: matches, exactly one action, and what happens on the way.
import { andThen, type Decoder, list } from '../../decode/decoder.ts';
import { type Decoded, exactlyOne, object, optional, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { durationOrZero } from '../../values/duration.ts';
import { isAuthority, nonEmptyPrintable } from '../../values/http.ts';
import { directResponse, redirect, rewrite } from './actions.ts';
import { cors, fault, mirrors, percent, percentage, retries } from './behaviour.ts';
import { delegate } from './delegate.ts';
import { destination, headerPolicy, noHeaders, routeDestination, unwrittenWeight } from './destination.ts';
import { httpMatch } from './match.ts';
import type {
  HeaderPolicy,
  HttpActionSpec,
  HttpMatchSpec,
  HttpRouteSpec,
  MirrorSpec,
  RouteDestination,
} from './spec.ts';

const shape = {
  name: optional(nonEmptyPrintable),
  match: withDefault<readonly HttpMatchSpec[]>(list(httpMatch, { most: 1_000 }), []),
  route: optional(andThen(list(routeDestination, { least: 1, most: 1_000 }), checkWeights<RouteDestination>)),
  redirect: optional(redirect),
  directResponse: optional(directResponse),
  delegate: optional(delegate),
  rewrite: optional(rewrite),
  timeout: optional(durationOrZero),
  retries: optional(retries),
  fault: optional(fault),
  mirror: optional(destination),
  mirrorPercentage: optional(percentage),
  mirrorPercent: optional(percent),
  mirrors: optional(mirrors),
  corsPolicy: optional(cors),
  headers: withDefault<HeaderPolicy>(headerPolicy, noHeaders),
};

type Written = Decoded<typeof shape>;

export const httpRoute: Decoder<HttpRouteSpec> = andThen(object(shape), normalize);

function normalize(value: Written, walk: Walk): HttpRouteSpec | undefined {
  const action = actionOf(value, walk);
  const copies = mirrorsOf(value, walk);
  const isClear = checkAuthority(value, walk);
  if (action === undefined || copies === undefined || !isClear) return undefined;
  return {
    ...(value.name === undefined ? {} : { name: value.name }),
    matches: value.match,
    action,
    ...(value.rewrite === undefined ? {} : { rewrite: value.rewrite }),
    ...(value.timeout === undefined ? {} : { timeoutMs: value.timeout }),
    ...(value.retries === undefined ? {} : { retry: value.retries }),
    ...(value.fault === undefined ? {} : { fault: value.fault }),
    mirrors: copies,
    ...(value.corsPolicy === undefined ? {} : { cors: value.corsPolicy }),
    headers: value.headers,
  };
}

function actionOf(value: Written, walk: Walk): HttpActionSpec | undefined {
  if (!exactlyOne(value, ['route', 'redirect', 'directResponse', 'delegate'], walk)) return undefined;
  if (value.route !== undefined) return { kind: 'forward', destinations: value.route };
  if (value.delegate !== undefined) return value.delegate;
  for (const name of ['rewrite', 'mirror', 'mirrors', 'retries'] as const) {
    if (value[name] === undefined) continue;
    const message = `"${name}" goes with "route" only`;
    return refuse(walk, { code: 'conflicting-fields', message, remedy: `remove "${name}"` }, name);
  }
  return value.redirect ?? value.directResponse;
}

/** A request has one authority. */
function checkAuthority({ rewrite: { authority } = {}, headers: { request } }: Written, walk: Walk): boolean {
  for (const operation of ['set', 'add'] as const) {
    const name = Object.keys(request[operation]).find(isAuthority);
    if (name === undefined || authority === undefined) continue;
    const message = `"${name}" and rewrite.authority exclude each other`;
    const complaint = { code: 'conflicting-fields', message, remedy: 'keep rewrite.authority' };
    refuse(walk, complaint, 'headers', 'request', operation, name);
    return false;
  }
  return true;
}

function mirrorsOf(value: Written, walk: Walk): readonly MirrorSpec[] | undefined {
  if (value.mirror !== undefined && value.mirrors !== undefined) {
    const message = 'mirror and mirrors exclude each other';
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep mirrors' }, 'mirror');
  }
  if (value.mirror !== undefined) {
    const share = value.mirrorPercentage ?? value.mirrorPercent ?? 100;
    return [{ destination: value.mirror, percent: share, field: 'mirror' }];
  }
  for (const name of ['mirrorPercentage', 'mirrorPercent'] as const) {
    if (value[name] === undefined) continue;
    const message = `${name} goes with mirror only`;
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'add mirror' }, name);
  }
  return value.mirrors ?? [];
}

const maxTotalWeight = 0xffff_ffff;

/** An only destination takes everything; among several, those without a weight take nothing. */
export function checkWeights<T extends { readonly weight: number }>(
  destinations: readonly T[],
  walk: Walk,
): readonly T[] | undefined {
  const [only] = destinations;
  if (destinations.length === 1 && only !== undefined) return [{ ...only, weight: 100 }];
  const weighted = destinations.map((to) => (to.weight === unwrittenWeight ? { ...to, weight: 0 } : to));
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  if (total > 0 && total <= maxTotalWeight) return weighted;
  return refuse(walk, {
    code: 'invalid-weights',
    message: total === 0 ? 'all weights are 0' : `the weights add up to more than ${maxTotalWeight}`,
    remedy: 'give the destinations weights such as 90 and 10',
  });
}
