// What a state-of-the-world request changes in a subscription. Pure. The rule: a request with a stale nonce changes nothing.
import { addName, deleteName, hasName, type NameTable, namesOf } from '../names.ts';
import { ENDPOINTS, ROUTE, SECRET } from '../roles.ts';
import type { TypeUrl } from '../types.ts';
import type { Subscription, SubscriptionEffect } from './delta-subscription.ts';

/** Types that are only ever subscribed to by name: no names means nothing. */
const namedTypes: ReadonlySet<TypeUrl> = new Set([ENDPOINTS, ROUTE, SECRET]);
const WILDCARD = '*';

export interface StateSubscriptionRequest {
  readonly typeUrl: TypeUrl;
  readonly nonce: string;
  readonly names: readonly string[];
}

/** The effect, or `stale` when the request answers an older response than the last one sent. */
export function subscribeState(
  subscription: Subscription,
  table: NameTable,
  request: StateSubscriptionRequest & { readonly lastNonce: string },
): SubscriptionEffect | 'stale' {
  if (request.nonce !== '' && request.nonce !== request.lastNonce) return 'stale';
  const isFirst = !subscription.isSubscribed;
  const wasWildcard = subscription.isWildcard;
  subscription.isSubscribed = true;
  subscription.isWildcard = wantsWildcard(subscription, request, isFirst);
  const wanted = new Set(request.names);
  wanted.delete(WILDCARD);
  const { added, removed } = replaceNames(subscription, table, wanted);
  return {
    isFirst,
    startsWildcard: subscription.isWildcard && !wasWildcard,
    endsWildcard: wasWildcard && !subscription.isWildcard,
    added,
    removed,
  };
}

/** No names is a wildcard as long as the client never named one. */
function wantsWildcard(
  subscription: Subscription,
  request: StateSubscriptionRequest,
  isFirst: boolean,
): boolean {
  if (request.names.includes(WILDCARD)) return true;
  if (request.names.length > 0 || namedTypes.has(request.typeUrl)) return false;
  return isFirst || (subscription.isWildcard && subscription.subscribed.size === 0);
}

function replaceNames(subscription: Subscription, table: NameTable, wanted: ReadonlySet<string>) {
  const { subscribed } = subscription;
  const added = [...wanted].filter((name) => !hasName(table, subscribed, name));
  const removed = [...namesOf(table, subscribed)].filter((name) => !wanted.has(name));
  for (const name of removed) deleteName(table, subscribed, name);
  for (const name of added) addName(table, subscribed, name);
  return { added, removed };
}
