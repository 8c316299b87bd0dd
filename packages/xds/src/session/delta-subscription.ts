// What a delta request changes in a subscription. Pure: it tells the effect, others carry it out.
import { addName, deleteName, type NameSet, type NameTable } from '../names.ts';

/** The part of a channel that says what the client wants. */
export interface Subscription {
  isSubscribed: boolean;
  isWildcard: boolean;
  readonly subscribed: NameSet;
}

export interface SubscriptionEffect {
  readonly isFirst: boolean;
  readonly startsWildcard: boolean;
  readonly endsWildcard: boolean;
  /** Names asked for, also those that were subscribed before: asking again is answered again. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

const WILDCARD = '*';

/** Subscriptions of a request apply also when its nonce is stale. A first request without names is a wildcard. */
export function subscribeDelta(
  subscription: Subscription,
  table: NameTable,
  request: { readonly subscribe: readonly string[]; readonly unsubscribe: readonly string[] },
): SubscriptionEffect {
  const isFirst = !subscription.isSubscribed;
  const wasWildcard = subscription.isWildcard;
  subscription.isSubscribed = true;
  const added: string[] = [];
  const removed: string[] = [];
  if (isFirst && request.subscribe.length === 0) subscription.isWildcard = true;
  for (const name of request.unsubscribe) {
    if (name === WILDCARD) subscription.isWildcard = false;
    else if (deleteName(table, subscription.subscribed, name)) removed.push(name);
  }
  for (const name of request.subscribe) {
    if (name === WILDCARD) {
      subscription.isWildcard = true;
      continue;
    }
    addName(table, subscription.subscribed, name);
    added.push(name);
  }
  return {
    isFirst,
    startsWildcard: subscription.isWildcard && !wasWildcard,
    endsWildcard: wasWildcard && !subscription.isWildcard,
    added,
    removed,
  };
}
